//! What a provider can answer instead of success, and whether asking again may help.

use std::time::Duration;

use crate::code::Code;

/// Longest part of a provider's own message that is kept.
const MAX_MESSAGE_CHARS: usize = 500;

/// Why a request to a provider failed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// 401: the key or secret is wrong or was revoked.
    #[error("the service does not accept these credentials")]
    Unauthorized {
        /// The provider's own words.
        message: Option<String>,
    },
    /// 403: the key lacks a permission.
    #[error("these credentials do not allow this")]
    Forbidden {
        /// The provider's own words.
        message: Option<String>,
    },
    /// 404.
    #[error("the service has no such pin")]
    NotFound {
        /// The provider's own words.
        message: Option<String>,
    },
    /// 409: the account has that CID already.
    #[error("the account has this content already")]
    AlreadyExists {
        /// The provider's own words.
        message: Option<String>,
    },
    /// 402, 413, 507 or a message about balance: nothing more fits.
    #[error("the account's storage or balance is used up")]
    OverQuota {
        /// The provider's own words.
        message: Option<String>,
    },
    /// 429.
    #[error("the service asks to slow down")]
    RateLimited {
        /// How long it asks to wait.
        after: Option<Duration>,
        /// The provider's own words.
        message: Option<String>,
    },
    /// 5xx, or a request that took too long.
    #[error("the service is not working at the moment (HTTP {status})")]
    Unavailable {
        /// The status code.
        status: u16,
        /// How long it asks to wait.
        after: Option<Duration>,
        /// The provider's own words.
        message: Option<String>,
    },
    /// The service looked for the content that it was asked to pin, and nobody had it.
    #[error("the service could not find the content: {message}")]
    ContentNotFound {
        /// How it looked, in its own words or in ours.
        message: String,
    },
    /// Another 4xx.
    #[error("the service refused: {message}")]
    Refused {
        /// The status code.
        status: u16,
        /// The provider's own words.
        message: String,
    },
    /// Something that services of this kind, or this service, cannot do.
    #[error("the service cannot do this: {what}")]
    Unsupported {
        /// What, as the end of a sentence.
        what: &'static str,
    },
    /// There was no connection: nothing has left this computer.
    #[error("the service cannot be reached: {reason}")]
    Unreachable {
        /// What failed, without the URL.
        reason: String,
    },
    /// A connection that broke, or an answer that did not come: the service may have done what it was asked.
    #[error("the service cannot be reached: {reason}")]
    Network {
        /// What failed, without the URL.
        reason: String,
    },
    /// A web page, a redirect elsewhere, or another API.
    #[error("this address does not answer like a pinning service: {reason}")]
    NotAPinningApi {
        /// What came instead.
        reason: String,
    },
    /// An answer that contradicts the API.
    #[error("the service's answer cannot be understood: {reason}")]
    Protocol {
        /// What is wrong with it.
        reason: String,
    },
}

impl ProviderError {
    /// The class for user interfaces.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Unauthorized { .. } => Code::Unauthorized,
            Self::Forbidden { .. } => Code::Forbidden,
            Self::NotFound { .. } => Code::NotFound,
            Self::AlreadyExists { .. } => Code::AlreadyExists,
            Self::OverQuota { .. } => Code::OverQuota,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::Unavailable { .. } => Code::Unavailable,
            Self::ContentNotFound { .. } => Code::PinFailed,
            Self::Refused { .. } => Code::Refused,
            Self::Unsupported { .. } => Code::Unsupported,
            Self::Unreachable { .. } | Self::Network { .. } => Code::Network,
            Self::NotAPinningApi { .. } => Code::NotAPinningApi,
            Self::Protocol { .. } => Code::Protocol,
        }
    }

    /// Whether waiting may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::Unavailable { .. }
                | Self::Unreachable { .. }
                | Self::Network { .. }
                | Self::NotAPinningApi { .. }
        )
    }

    /// Whether the provider may have done what it was asked, and the answer got lost.
    #[must_use]
    pub const fn leaves_open_what_happened(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::Protocol { .. } | Self::Unavailable { .. })
    }

    /// How long the provider asked to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { after, .. } | Self::Unavailable { after, .. } => *after,
            _ => None,
        }
    }

    /// The provider's own words.
    #[must_use]
    pub fn provider_message(&self) -> Option<&str> {
        match self {
            Self::Unauthorized { message }
            | Self::Forbidden { message }
            | Self::NotFound { message }
            | Self::AlreadyExists { message }
            | Self::OverQuota { message }
            | Self::RateLimited { message, .. }
            | Self::Unavailable { message, .. } => message.as_deref(),
            Self::ContentNotFound { message } | Self::Refused { message, .. } => Some(message),
            _ => None,
        }
    }

    /// The error that a status code and the provider's message stand for.
    pub(crate) fn from_status(status: u16, after: Option<Duration>, message: Option<String>) -> Self {
        let message = message.map(|text| tidy(&text)).filter(|text| !text.is_empty());
        let says = |words: &[&str]| {
            let text = message.as_deref().unwrap_or_default().to_lowercase();
            words.iter().any(|word| text.contains(word))
        };
        match status {
            401 => Self::Unauthorized { message },
            402 | 413 | 507 => Self::OverQuota { message },
            403 => Self::Forbidden { message },
            404 => Self::NotFound { message },
            429 => Self::RateLimited { after, message },
            400..=499 if says(&["enough balance", "quota", "insufficient_funds", "insufficient funds"]) => {
                Self::OverQuota { message }
            }
            400..=499 if says(&["already exists", "duplicated key"]) => Self::AlreadyExists { message },
            409 => Self::AlreadyExists { message },
            // The server was tired of waiting, or does not risk it yet: RFC 9110, section 15.5.9, and RFC 8470.
            408 | 425 | 500..=599 => Self::Unavailable { status, after, message },
            _ => Self::Refused { status, message: message.unwrap_or_else(|| format!("HTTP {status}")) },
        }
    }

    /// A call that every API of this kind has is not known at this address.
    pub(super) fn unknown_call(status: u16) -> Self {
        Self::NotAPinningApi { reason: format!("it does not know this call (HTTP {status})") }
    }

    /// With the number under which the provider's support finds the request, beside the provider's own words.
    pub(crate) fn with_request_id(mut self, id: Option<String>) -> Self {
        let Some(id) = id.map(|id| format!("request id {id}")) else { return self };
        match &mut self {
            Self::Unauthorized { message }
            | Self::Forbidden { message }
            | Self::NotFound { message }
            | Self::AlreadyExists { message }
            | Self::OverQuota { message }
            | Self::RateLimited { message, .. }
            | Self::Unavailable { message, .. } => {
                *message = Some(message.take().map_or_else(|| id.clone(), |words| format!("{words} ({id})")));
            }
            Self::ContentNotFound { message } | Self::Refused { message, .. } => *message = format!("{message} ({id})"),
            Self::Unsupported { .. }
            | Self::Unreachable { .. }
            | Self::Network { .. }
            | Self::NotAPinningApi { .. }
            | Self::Protocol { .. } => {}
        }
        self
    }
}

/// Where no pin was asked for, "not found" means that there is no such API.
pub(super) fn no_such_call(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::NotFound { .. } => ProviderError::unknown_call(404),
        error => error,
    }
}

fn tidy(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_class() {
        let class = |status, message: &str| ProviderError::from_status(status, None, Some(message.into())).code();
        for (status, message, code) in [
            (400, "invalid cid: cid too short", Code::Refused),
            (400, "User not enough balance", Code::OverQuota),
            (400, "Pin with that hash already exists", Code::AlreadyExists),
            (409, "INSUFFICIENT_FUNDS: Unable to process request due to the lack of funds", Code::OverQuota),
            (401, "", Code::Unauthorized),
            (402, "", Code::OverQuota),
            (403, "", Code::Forbidden),
            (404, "record not found", Code::NotFound),
            (409, "", Code::AlreadyExists),
            (408, "", Code::Unavailable),
            (413, "", Code::OverQuota),
            (429, "", Code::RateLimited),
            (500, "", Code::Unavailable),
            (524, "", Code::Unavailable),
        ] {
            assert_eq!(class(status, message), code, "{status} {message:?}");
        }
    }

    #[test]
    fn the_number_of_a_request_stands_with_the_services_words() {
        let shown = |status, message: Option<&str>| {
            let error = ProviderError::from_status(status, None, message.map(str::to_owned));
            error.with_request_id(Some("8f31-FRA".into())).provider_message().map(str::to_owned)
        };
        assert_eq!(shown(503, Some("busy")).as_deref(), Some("busy (request id 8f31-FRA)"));
        assert_eq!(shown(429, None).as_deref(), Some("request id 8f31-FRA"));
        assert_eq!(shown(400, Some("no CID")).as_deref(), Some("no CID (request id 8f31-FRA)"));
    }
}

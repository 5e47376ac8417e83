//! The classes of what can go wrong.

/// What a user interface decides by; it never looks at an error's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each names the error it stands for")]
pub enum Code {
    Unauthorized,
    Forbidden,
    NotFound,
    AlreadyExists,
    OverQuota,
    RateLimited,
    Unavailable,
    Network,
    Protocol,
    NotAPinningApi,
    Unsupported,
    KeyringUnavailable,
    NoSecret,
    NoSource,
    InvalidInput,
    FileUnreadable,
    FileChanged,
    FileRefused,
    CidMismatch,
    StillFetching,
    PinFailed,
    Refused,
    Cancelled,
    CountChanged,
    HomeBusy,
    DiskFull,
    Internal,
}

impl Code {
    /// Whether only other credentials change it: those that there are were refused, or there are none.
    #[must_use]
    pub const fn wants_credentials(self) -> bool {
        matches!(self, Self::Unauthorized | Self::NoSecret)
    }

    /// The code's name, the same in the database, in JSON and in the web view.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::OverQuota => "over_quota",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Network => "network",
            Self::Protocol => "protocol",
            Self::NotAPinningApi => "not_a_pinning_api",
            Self::Unsupported => "unsupported",
            Self::KeyringUnavailable => "keyring_unavailable",
            Self::NoSecret => "no_secret",
            Self::NoSource => "no_source",
            Self::InvalidInput => "invalid_input",
            Self::FileUnreadable => "file_unreadable",
            Self::FileChanged => "file_changed",
            Self::FileRefused => "file_refused",
            Self::CidMismatch => "cid_mismatch",
            Self::StillFetching => "still_fetching",
            Self::PinFailed => "pin_failed",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::CountChanged => "count_changed",
            Self::HomeBusy => "home_busy",
            Self::DiskFull => "disk_full",
            Self::Internal => "internal",
        }
    }

    /// The code of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.into())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_name_everywhere() {
        for code in [Code::NotAPinningApi, Code::CidMismatch, Code::KeyringUnavailable, Code::Internal] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(Code::named(code.as_str()), Some(code));
        }
        assert_eq!(Code::named("nothing"), None);
    }
}

//! The one error shape that the web view sees.

use holdfast_core::transfer::Failure;
use serde::Serialize;
use ts_rs::TS;

use super::Shown;

/// What the web view acts on. It never looks at the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    AlreadyExists,
    Cancelled,
    CidMismatch,
    CountChanged,
    DiskFull,
    FileChanged,
    FileRefused,
    FileUnreadable,
    Forbidden,
    HomeBusy,
    Internal,
    InvalidInput,
    KeyringUnavailable,
    Network,
    NoSecret,
    NoSource,
    NotAPinningApi,
    Unsupported,
    NotFound,
    OverQuota,
    PinFailed,
    Protocol,
    RateLimited,
    Refused,
    StillFetching,
    Unauthorized,
    Unavailable,
}

/// Why a command failed or a transfer stopped.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct IpcError {
    pub(crate) code: Code,
    /// A short sentence for people, free of secrets.
    pub(crate) message: Shown,
    pub(crate) retryable: bool,
    /// The provider's own words, when there are any.
    pub(crate) details: Option<Shown>,
}

impl IpcError {
    /// For what goes wrong in the shell itself.
    pub(crate) fn internal(message: impl ToString) -> Self {
        Self { code: Code::Internal, message: message.to_string().into(), retryable: false, details: None }
    }

    /// For a transfer that stopped; `retryable` when it goes on by itself.
    pub(crate) fn of_transfer(failure: &Failure, retryable: bool) -> Self {
        Self {
            code: failure.code.into(),
            message: failure.message.as_str().into(),
            retryable,
            details: failure.details.as_deref().map(Shown::from),
        }
    }
}

impl From<holdfast_core::Error> for IpcError {
    fn from(error: holdfast_core::Error) -> Self {
        tracing::info!(code = error.code().as_str(), %error, details = error.details(), "a request failed");
        Self {
            code: error.code().into(),
            message: error.to_string().into(),
            retryable: error.is_retryable(),
            details: error.details().map(Shown::from),
        }
    }
}

impl From<holdfast_core::Code> for Code {
    fn from(code: holdfast_core::Code) -> Self {
        use holdfast_core::Code as Core;
        match code {
            Core::AlreadyExists => Self::AlreadyExists,
            Core::Cancelled => Self::Cancelled,
            Core::CidMismatch => Self::CidMismatch,
            Core::CountChanged => Self::CountChanged,
            Core::DiskFull => Self::DiskFull,
            Core::FileChanged => Self::FileChanged,
            Core::FileRefused => Self::FileRefused,
            Core::FileUnreadable => Self::FileUnreadable,
            Core::Forbidden => Self::Forbidden,
            Core::HomeBusy => Self::HomeBusy,
            Core::Internal => Self::Internal,
            Core::InvalidInput => Self::InvalidInput,
            Core::KeyringUnavailable => Self::KeyringUnavailable,
            Core::Network => Self::Network,
            Core::NoSecret => Self::NoSecret,
            Core::NoSource => Self::NoSource,
            Core::NotAPinningApi => Self::NotAPinningApi,
            Core::Unsupported => Self::Unsupported,
            Core::NotFound => Self::NotFound,
            Core::OverQuota => Self::OverQuota,
            Core::PinFailed => Self::PinFailed,
            Core::Protocol => Self::Protocol,
            Core::RateLimited => Self::RateLimited,
            Core::Refused => Self::Refused,
            Core::StillFetching => Self::StillFetching,
            Core::Unauthorized => Self::Unauthorized,
            Core::Unavailable => Self::Unavailable,
        }
    }
}

//! Errors as the API answers them: `{"status":"error","message":…}`.

use std::{borrow::Cow, io};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_content::car::CarError;
use serde::Serialize;

use crate::{
    archive::ArchiveError,
    import::ImportError,
    store::{StoreError, room::NearlyFull},
};

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: Cow<'static, str>,
}

#[derive(Serialize)]
struct Body<'a> {
    status: &'static str,
    message: &'a str,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "record not found")
    }

    pub(crate) fn stalled() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the request's body stalled")
    }

    pub(crate) fn too_large(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// For what is the service's own fault: the cause goes to the log, not to the client.
    pub(crate) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service failed; its log says why")
    }

    fn disk(error: &io::Error) -> Self {
        if let Some(over) = error.get_ref().and_then(|cause| cause.downcast_ref::<StoreError>()) {
            return Self::over_quota(over);
        }
        if error.get_ref().is_some_and(|cause| cause.is::<NearlyFull>()) {
            return Self::new(StatusCode::INSUFFICIENT_STORAGE, NearlyFull.to_string());
        }
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "the disk of the service is full")
            }
            _ => Self::internal(error),
        }
    }
}

impl ApiError {
    fn over_quota(error: &StoreError) -> Self {
        match error {
            StoreError::OverQuota(over) => Self::new(StatusCode::PAYMENT_REQUIRED, over.to_string()),
            error => Self::internal(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Body { status: "error", message: &self.message })).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyPinned => Self::new(StatusCode::CONFLICT, error.to_string()),
            StoreError::OverQuota(_) => Self::over_quota(&error),
            StoreError::Io(error) => Self::disk(&error),
            StoreError::Database(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == rusqlite::ErrorCode::DiskFull =>
            {
                Self::disk(&io::ErrorKind::StorageFull.into())
            }
            StoreError::Database(_) | StoreError::Random(_) | StoreError::Damaged(_) => Self::internal(&error),
        }
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        Self::disk(&error)
    }
}

impl From<ArchiveError> for ApiError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Io(error) | ArchiveError::Car(CarError::Io(error)) => Self::disk(&error),
            _ => Self::bad_request(error.to_string()),
        }
    }
}

impl From<ImportError> for ApiError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Io(error) => Self::disk(&error),
            ImportError::TooManyEntries => Self::too_large(error.to_string()),
            _ => Self::bad_request(error.to_string()),
        }
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(&error)
    }
}

//! Errors as the APIs answer them: `{"status":"error","message":…}` of the AIOZ API, and
//! `{"error":{"reason":…,"details":…}}` of the Pinning Service API.

use std::{borrow::Cow, io, time::Duration};

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use holdfast_content::car::CarError;
use serde::Serialize;
use utoipa::ToSchema;

use super::key_headers::has_keys;
use crate::{
    ServiceError,
    archive::ArchiveError,
    import::ImportError,
    store::{StoreError, memory::NoMemory, room::NearlyFull, writer::GivenUp},
};

/// How long a client is asked to wait when too much is being stored.
const BUSY_TIME: Duration = Duration::from_secs(60);

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ErrorReply)]
pub(super) struct Body<'a> {
    /// Always `error`.
    status: &'static str,
    message: &'a str,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        let retry_after = (status == StatusCode::TOO_MANY_REQUESTS).then_some(Duration::from_secs(1));
        Self { status, message: message.into(), retry_after }
    }

    pub(crate) fn too_many(message: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, message) }
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

    fn busy(message: String) -> Self {
        Self { retry_after: Some(BUSY_TIME), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
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
        if let Some(error) = error.get_ref().and_then(|cause| cause.downcast_ref::<NoMemory>()) {
            return (*error).into();
        }
        if error.get_ref().is_some_and(|cause| cause.is::<GivenUp>()) {
            // Nobody is told.
            return Self::bad_request(error.to_string());
        }
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "the disk of the service is full")
            }
            io::ErrorKind::FileTooLarge => Self::too_large(error.to_string()),
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
        let body = Json(Body { status: "error", message: &self.message });
        let mut response = self.with_headers((self.status, body).into_response());
        response.extensions_mut().insert(self);
        response
    }
}

/// The Pinning Service API's body of an error.
#[derive(Serialize, ToSchema)]
pub(super) struct Failure<'a> {
    error: FailureError<'a>,
}

#[derive(Serialize, ToSchema)]
struct FailureError<'a> {
    reason: &'a str,
    details: &'a str,
}

impl ApiError {
    fn with_headers(&self, mut response: Response) -> Response {
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }

    fn into_failure(self) -> Response {
        let details = match self.status {
            StatusCode::UNAUTHORIZED => "Access token is missing or invalid",
            _ => &self.message,
        };
        let body = Json(Failure { error: FailureError { reason: reason(self.status), details } });
        self.with_headers((self.status, body).into_response())
    }
}

fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "BAD_REQUEST",
        StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
        StatusCode::FORBIDDEN => "FORBIDDEN",
        StatusCode::PAYMENT_REQUIRED => "INSUFFICIENT_FUNDS",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
        StatusCode::REQUEST_TIMEOUT => "REQUEST_TIMEOUT",
        StatusCode::CONFLICT => "DUPLICATE_OBJECT",
        StatusCode::PAYLOAD_TOO_LARGE => "PAYLOAD_TOO_LARGE",
        StatusCode::TOO_MANY_REQUESTS => "TOO_MANY_REQUESTS",
        StatusCode::INSUFFICIENT_STORAGE => "INSUFFICIENT_STORAGE",
        StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
        _ => "INTERNAL_SERVER_ERROR",
    }
}

/// Gives errors the shape of the API that the request speaks.
pub(crate) async fn in_shape_of_api(request: Request, next: Next) -> Response {
    let speaks_psa = speaks_psa(&request);
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) if speaks_psa => error.into_failure(),
        _ => response,
    }
}

/// The Pinning Service API has a root of its own, and shares another with the list of the AIOZ API.
fn speaks_psa(request: &Request) -> bool {
    let path = request.uri().path();
    let below = |root: &str| path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match below("/api/pinning/pins") {
        Some("" | "/") => {
            let has_token = request.headers().contains_key(header::AUTHORIZATION);
            request.method() == Method::POST || (has_token && !has_keys(request.headers()))
        }
        Some(_) => true,
        None => below("/api/psa").is_some(),
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyPinned => Self::new(StatusCode::CONFLICT, error.to_string()),
            StoreError::OverQuota(_) => Self::over_quota(&error),
            StoreError::TooManyPins => Self::new(StatusCode::PAYMENT_REQUIRED, error.to_string()),
            StoreError::Io(error) => Self::disk(&error),
            error if error.is_full_database() => Self::disk(&io::ErrorKind::StorageFull.into()),
            StoreError::Database(_) | StoreError::Random(_) | StoreError::Damaged(_) => Self::internal(&error),
        }
    }
}

impl From<NoMemory> for ApiError {
    fn from(error: NoMemory) -> Self {
        match error {
            NoMemory::Busy => Self::busy(error.to_string()),
            NoMemory::TooMuch => Self::too_large(error.to_string()),
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
            ImportError::Memory(error) => error.into(),
            _ => Self::bad_request(error.to_string()),
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::DiskFull => Self::disk(&io::ErrorKind::StorageFull.into()),
            error => Self::internal(&error),
        }
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(&error)
    }
}

//! What goes wrong at the gateway, told to people: plain text.

use std::io::ErrorKind;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_content::{Cid, ReadError};

/// An answer without content.
#[derive(Debug)]
pub(super) struct GatewayError {
    status: StatusCode,
    message: String,
    fault: Option<BlockFault>,
}

/// What is wrong with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
enum BlockFault {
    Missing(Box<Cid>),
    /// The service's copy of it is not what its CID says: whoever asks whether all is there is to know.
    Damaged,
}

/// Says of a block that is damaged here that it is, to clients that look for it.
const BLOCK: HeaderName = HeaderName::from_static("x-holdfast-block");

impl GatewayError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fault: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// The block that is not there, be it the first one or another.
    pub(super) fn missing_block(&self) -> Option<&Cid> {
        match &self.fault {
            Some(BlockFault::Missing(cid)) => Some(cid),
            _ => None,
        }
    }

    /// For a block of which the service has other bytes.
    pub(super) fn damaged() -> Self {
        let message = "A stored block is damaged; `holdfast serve check` says which.";
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, message);
        Self { fault: Some(BlockFault::Damaged), ..error }
    }

    /// For what is the service's own fault.
    pub(super) fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The service failed; its log says why.")
    }

    pub(super) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Too much is being read at the moment; try again in a second.")
    }
}

impl From<ReadError> for GatewayError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing(cid) => {
                let error = Self::not_found(format!("This service does not hold {cid}."));
                Self { fault: Some(BlockFault::Missing(cid.into())), ..error }
            }
            ReadError::NoSuchEntry(_) | ReadError::WrongKind(..) => Self::not_found("There is nothing at this path."),
            ReadError::UnknownCodec(_) => Self::new(
                StatusCode::NOT_ACCEPTABLE,
                "This is neither a file nor a directory; ask for it with format=raw.",
            ),
            ReadError::Malformed(..) | ReadError::Invalid(..) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("This cannot be shown: {error}."))
            }
            ReadError::Io(ref damaged) if damaged.kind() == ErrorKind::InvalidData => {
                log_read_error(&error, "reading a block failed");
                Self::damaged()
            }
            ReadError::Io(_) => {
                log_read_error(&error, "reading a block failed");
                Self::failed()
            }
        }
    }
}

/// Logs what went wrong but not with what: no log says what is held or asked for.
pub(super) fn log_read_error(error: &ReadError, message: &'static str) {
    let kind = match error {
        ReadError::Io(error) => return tracing::error!(error = error as &dyn std::error::Error, "{message}"),
        ReadError::Missing(_) => "a block is missing",
        ReadError::NoSuchEntry(_) | ReadError::WrongKind(..) => "there is no such entry",
        ReadError::UnknownCodec(_) => "a codec is unknown",
        ReadError::Malformed(..) | ReadError::Invalid(..) => "a block is not a valid node",
    };
    tracing::error!(error = kind, "{message}");
}

impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        let mut response = (self.status, headers, format!("{}\n", self.message)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.fault == Some(BlockFault::Damaged) {
            response.headers_mut().insert(BLOCK, HeaderValue::from_static("damaged"));
        }
        response
    }
}

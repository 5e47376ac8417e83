//! Answers that stay in memory until the client has read them.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;

use super::{Shared, errors::ApiError};
use crate::store::{keys::Owner, memory::Claim, pin::MAX_PAGE_BYTES};

/// Bodies up to here are not counted: buffers of connections hold as much anyway.
const FREE_BYTES: usize = 64 * 1024;

/// What a page of pins takes until it is written: as records, as what is said of them, and as text.
const PAGE_BYTES: usize = 3 * MAX_PAGE_BYTES;

/// Memory for a page of pins, which is there when this returns.
pub(super) async fn for_page(shared: &Shared, owner: Owner) -> Result<Claim, ApiError> {
    Ok(shared.store.memory.wait_for(owner, PAGE_BYTES).await?)
}

/// An answer of JSON. Of `memory` it keeps what its text takes, until that was read.
pub(super) fn json(answer: impl Serialize, mut memory: Claim) -> Result<Response, ApiError> {
    let text = serde_json::to_vec(&answer).map_err(|error| ApiError::internal(&error))?;
    drop(answer);
    let length = text.len();
    memory.resize(if length > FREE_BYTES { length } else { 0 })?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
    ];
    Ok((headers, until_read(text.into(), memory)).into_response())
}

/// A body that is there already, and something that goes when it was read.
pub(super) fn until_read(bytes: Bytes, holder: impl Send + 'static) -> Body {
    Body::from_stream(stream::unfold(Some((bytes, holder)), |held| async {
        // It goes when the server asks for more, which it does when this was written.
        let (bytes, holder) = held?;
        (!bytes.is_empty()).then_some((Ok::<_, std::io::Error>(bytes), Some((Bytes::new(), holder))))
    }))
}

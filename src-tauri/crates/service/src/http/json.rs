//! Bodies that are JSON: what clients send, and how the AIOZ API wraps what it answers.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{Shared, errors::ApiError};
use crate::store::memory::{Claim, Who};

const MAX_JSON_BYTES: usize = 1024 * 1024;

const FREE_BYTES: usize = 64 * 1024;

/// A request's body, whatever its declared type, as long as it is what the route takes.
pub(crate) struct Given<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Given<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, ApiError> {
        let whose = request.extensions().get::<Who>().copied().unwrap_or(Who::Peer(None));
        let memory = shared.store.memory.claim(whose);
        let read = timeout(shared.body_idle_timeout, read(request.into_body(), memory));
        let bytes = read.await.map_err(|_| ApiError::stalled())??;
        let given = serde_json::from_slice(&bytes);
        given
            .map(Self)
            .map_err(|error| ApiError::bad_request(format!("the body is not what this route takes: {error}")))
    }
}

/// An answer of the AIOZ API.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Success<T> {
    data: T,
    status: &'static str,
}

impl<T> Success<T> {
    pub(crate) const fn new(data: T) -> Self {
        Self { data, status: "success" }
    }
}

async fn read(body: Body, mut memory: Claim) -> Result<Vec<u8>, ApiError> {
    let mut body = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(more) = body.next().await {
        bytes.extend_from_slice(&more.map_err(|_| ApiError::bad_request("the request's body was cut short"))?);
        // What buffers hold anyway is not counted.
        memory.resize(bytes.len().saturating_sub(FREE_BYTES))?;
        if bytes.len() > MAX_JSON_BYTES {
            return Err(ApiError::too_large("the body is larger than 1 MiB"));
        }
    }
    Ok(bytes)
}

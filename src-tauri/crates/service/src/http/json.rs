//! Bodies that are JSON.

use axum::body::Body;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{App, errors::ApiError};

const MAX_JSON_BYTES: usize = 1024 * 1024;

/// Reads a body whatever its declared type, as long as it is what the route takes.
pub(crate) async fn read_json<T: DeserializeOwned>(app: &App, body: Body) -> Result<T, ApiError> {
    let bytes = timeout(app.body_idle_timeout, read(body)).await.map_err(|_| ApiError::stalled())??;
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::bad_request(format!("the body is not what this route takes: {error}")))
}

async fn read(body: Body) -> Result<Vec<u8>, ApiError> {
    let mut body = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(more) = body.next().await {
        bytes.extend_from_slice(&more.map_err(|_| ApiError::bad_request("the request's body was cut short"))?);
        if bytes.len() > MAX_JSON_BYTES {
            return Err(ApiError::too_large("the body is larger than 1 MiB"));
        }
    }
    Ok(bytes)
}

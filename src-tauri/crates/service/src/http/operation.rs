//! For whoever runs the service: `/health` and `/metrics`.

use std::net::SocketAddr;

use axum::{
    Extension, Json,
    extract::{ConnectInfo, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{Shared, errors::ApiError};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// `/health`: 200 when the database answers, 503 when nothing more can be stored until a restart.
pub(crate) async fn health(State(shared): State<Shared>) -> Result<Response, ApiError> {
    shared.blocking(|store| store.held()).await??;
    if shared.store.blocks.has_failed() {
        let message = "an earlier write to the disk failed; restart the service";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message));
    }
    let health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(health)).into_response())
}

/// `/metrics`, in the text format of Prometheus. How much somebody stores is nobody's business: unless it was chosen
/// otherwise, only programs of the same computer are answered.
pub(crate) async fn metrics(
    State(shared): State<Shared>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
) -> Result<Response, ApiError> {
    let is_near = peer.is_some_and(|Extension(ConnectInfo(peer))| peer.ip().to_canonical().is_loopback());
    if !is_near && !shared.public_metrics {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "metrics are for programs of the service's own computer"));
    }
    let held = shared.blocking(|store| store.held()).await??;
    let text = shared.metrics.text(held);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

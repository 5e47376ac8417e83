//! For whoever runs the service: `/health` and `/metrics`.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{Shared, auth::authenticate, errors::ApiError};
use crate::store::scopes::Scope;

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
/// otherwise, only programs of the same computer are answered that have a key, which other people's on it and those who
/// come over a proxy have not.
pub(crate) async fn metrics(State(shared): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    if !shared.public_metrics {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        if !peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback()) {
            let message = "metrics are for programs of the service's own computer";
            return Err(ApiError::new(StatusCode::FORBIDDEN, message));
        }
        authenticate(&shared, &parts).await?.may(Scope::List)?;
    }
    let held = shared.blocking(|store| store.held()).await??;
    let text = shared.metrics.text(held);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

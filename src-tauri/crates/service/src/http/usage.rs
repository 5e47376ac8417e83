//! What an owner uses.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Shared,
    auth::{Allowed, ToList},
    errors::{ApiError, Body as ErrorReply},
    json::Success,
};

/// This month's usage, in bytes and dollars. Running one's own service costs nothing here, and downloads are not counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ThisMonth {
    total_storage: u64,
    storage_usage: u64,
    bandwidth_usage: u64,
    storage_cost: u64,
    bandwidth_cost: u64,
}

#[utoipa::path(
    get,
    path = "/api/billing/thisMonthUsage",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    responses(
        (status = 200, description = "This month's usage", body = Success<ThisMonth>),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn this_month(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToList>,
) -> Result<Json<Success<ThisMonth>>, ApiError> {
    let bytes = shared.blocking(move |store| store.pins.pinned_bytes(owner)).await??;
    Ok(Json(Success::new(ThisMonth {
        total_storage: bytes,
        storage_usage: bytes,
        bandwidth_usage: 0,
        storage_cost: 0,
        bandwidth_cost: 0,
    })))
}

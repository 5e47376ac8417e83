//! `/api/gateway/{cid}`: leads to the content, counts the visit, and pins on demand
//! (the gateway of the bearer-token service).
//!
//! Anybody may visit what is held. Only with a key does a visit pin what the key's owner has not pinned, and so may make
//! this service look for it: a picture in somebody's page must not.

use std::{io, sync::Arc};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use holdfast_content::{Cid, parse_cid};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::super::{Shared, auth::authenticate, errors::ApiError, json::Success};
use crate::store::{Store, StoreError, keys::Owner, pin::Metadata, scopes::Scope};

#[derive(Debug, Serialize)]
struct Visited {
    cid: String,
    visits: u64,
}

/// `/api/gateway/{cid}` and `/api/gateway/{cid}/{path}`; with a key and `Accept: application/json`, how often the first
/// led somewhere.
pub(crate) async fn redirect(State(shared): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let below = parts.uri.path().strip_prefix("/api/gateway/").unwrap_or_default();
    let cid_text = below.split('/').next().unwrap_or_default().to_owned();
    let root = parse_cid(&cid_text).map_err(|_| ApiError::bad_request("invalid cid"))?;
    let owner = owner(&shared, &parts).await?;
    if owner.is_some() && asks_for_numbers(&parts.headers) {
        let visits = shared.blocking(move |store| store.visits.of(&root)).await??;
        return Ok(Json(Success::new(Visited { cid: cid_text, visits })).into_response());
    }
    let is_held = shared
        .blocking_while_awaited(move |store, given_up| {
            let is_held = store.blocks.len(&root)?.is_some();
            match owner.map(|owner| pin(store, owner, root, cid_text, given_up)) {
                // What is held can be visited all the same, as by anybody without a key.
                Some(Err(error)) if is_held && is_for_want_of_room(&error) => {}
                Some(Err(error)) => return Err(error),
                Some(Ok(())) | None => {}
            }
            Ok::<_, StoreError>(is_held)
        })
        .await??;
    if owner.is_some() {
        shared.retrievals.notify();
    }
    if !is_held && owner.is_some() {
        return Ok((StatusCode::ACCEPTED, "This service looks for that content. Come again.\n").into_response());
    }
    if !is_held {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "this service does not hold that content"));
    }
    if shared.store.visits.count(&root) {
        let store = Arc::clone(&shared.store);
        shared.work.spawn_blocking(move || {
            if let Err(error) = store.visits.write() {
                tracing::warn!(error = &error as &dyn std::error::Error, "visits were not written down");
            }
        });
    }
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = super::answer::address(&format!("/ipfs/{below}{query}"));
    let location = location.map_err(|_| ApiError::bad_request("invalid path"))?;
    // Not to be remembered: every visit counts.
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::FOUND, headers).into_response())
}

/// Whose key it is; `None` for a visitor. A key that is wrong is an error.
async fn owner(shared: &Shared, parts: &Parts) -> Result<Option<Owner>, ApiError> {
    let has_key = ["pinning_api_key", "pinning_secret_key", "authorization"];
    if !has_key.into_iter().any(|name| parts.headers.contains_key(name)) {
        return Ok(None);
    }
    authenticate(shared, parts).await?.may(Scope::PinByHash).map(Some)
}

fn asks_for_numbers(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes() == b"application/json")
}

/// Whether there may not be one more pin of that owner, or of anybody.
fn is_for_want_of_room(error: &StoreError) -> bool {
    match error {
        StoreError::OverQuota(_) | StoreError::TooManyPins => true,
        StoreError::Io(error) => matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::ResourceBusy),
        _ => false,
    }
}

/// Pins for that owner what they have not pinned; what is not held is to be fetched.
fn pin(
    store: &Store,
    owner: Owner,
    root: Cid,
    cid_text: String,
    given_up: CancellationToken,
) -> Result<(), StoreError> {
    let metadata = Metadata { name: cid_text.clone(), ..Metadata::default() };
    match store.pin_by_hash(owner, root, cid_text, metadata, given_up) {
        Ok(_) | Err(StoreError::AlreadyPinned) => Ok(()),
        Err(error) => Err(error),
    }
}

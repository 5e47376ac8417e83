//! Pins of the AIOZ API: by CID, one, many, and their end.

mod query;
mod reply;

use axum::{Json, extract::State, response::Response};
use reply::ListReply;
pub(crate) use reply::{PinReply, ReplyTo};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Shared,
    auth::{Allowed, ToList, ToPinByHash, ToUnpin},
    errors::{ApiError, Body as ErrorReply},
    held,
    ids::{RecordId, parse_cid},
    json::{Given, Success},
    metadata::GivenMetadata,
};
use crate::store::{
    Store,
    page::PinQuery,
    pin::{Metadata, PinStatus},
};

#[derive(Deserialize, ToSchema)]
pub(crate) struct PinByHash {
    hash_to_pin: String,
    #[serde(default, deserialize_with = "GivenMetadata::or_its_text")]
    metadata: Option<GivenMetadata>,
}

#[utoipa::path(
    post,
    path = "/api/pinning/pinByHash",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    request_body = PinByHash,
    responses(
        (status = 200, description = "The pin", body = Success<PinReply>),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn pin_by_hash(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToPinByHash>,
    Given(asked): Given<PinByHash>,
) -> Result<Json<Success<PinReply>>, ApiError> {
    let cid_text = asked.hash_to_pin;
    let root = parse_cid(&cid_text)?;
    let given = asked.metadata.unwrap_or_default().checked()?;
    let metadata = Metadata {
        name: given.name.unwrap_or_else(|| cid_text.clone()),
        mime_type: given.mime_type,
        keyvalues: given.keyvalues,
    };
    let pin_it = move |store: &Store, given_up| store.pin_by_hash(owner, root, cid_text, metadata, given_up);
    let pin = shared.blocking_while_awaited(pin_it).await??;
    if pin.status == PinStatus::Queued {
        shared.retrievals.notify();
    }
    Ok(Json(Success::new(PinReply::new(pin, owner, ReplyTo::Creation))))
}

#[utoipa::path(
    get,
    path = "/api/pinning/{id}",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    params(("id" = String, Path, description = "The pin's id")),
    responses(
        (status = 200, description = "The pin", body = Success<PinReply>),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn get(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToList>,
    RecordId(id): RecordId,
) -> Result<Json<Success<PinReply>>, ApiError> {
    let pin = shared.blocking(move |store| store.pins.get(owner, id)).await??;
    let pin = pin.ok_or_else(ApiError::not_found)?;
    Ok(Json(Success::new(PinReply::new(pin, owner, ReplyTo::Query))))
}

#[utoipa::path(
    delete,
    path = "/api/pinning/unpin/{id}",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    params(("id" = String, Path, description = "The pin's id")),
    responses(
        (status = 200, description = "What became of the pin", body = Success<PinReply>),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn unpin(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToUnpin>,
    RecordId(id): RecordId,
) -> Result<Json<Success<PinReply>>, ApiError> {
    let unpin = move |store: &Store| {
        let ended = store.pins.unpin(owner, id);
        // Not before: a collection in between would still find the pin.
        store.blocks.note_garbage();
        ended
    };
    let pin = shared.blocking(unpin).await??.ok_or_else(ApiError::not_found)?;
    shared.retrievals.give_up(id);
    Ok(Json(Success::new(PinReply::new(pin, owner, ReplyTo::Unpin))))
}

#[utoipa::path(
    get,
    path = "/api/pinning/pins",
    tag = "aioz",
    description = "The AIOZ API's list. With a bearer token instead of the key headers this is the list of the Pinning \
                   Service API, as at /api/psa/pins.",
    security(("key" = [], "secret" = [])),
    params(
        ("offset" = Option<u32>, Query, description = "Pins to pass over; 0 unless said"),
        ("limit" = Option<u32>, Query, description = "10 unless said", minimum = 1, maximum = 1000),
        ("pinned" = Option<String>, Query, description = "all, true or false"),
        ("sortBy" = Option<String>, Query, description = "created_at, size or name"),
        ("sortOrder" = Option<String>, Query, description = "ASC or DESC"),
        ("metadata" = Option<String>, Query, description = "A JSON object of keyvalues that a pin must have"),
    ),
    responses(
        (status = 200, description = "A page, and how many pins there are on all pages", body = Success<ListReply>),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn list(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToList>,
    query: PinQuery,
) -> Result<Response, ApiError> {
    let memory = held::for_page(&shared, owner).await?;
    let page = shared.blocking(move |store| store.pins.list(owner, &query)).await??;
    held::json(Success::new(ListReply::new(page, owner)), memory)
}

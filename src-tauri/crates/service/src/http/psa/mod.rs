//! The IPFS Pinning Service API 1.0.0, at `/api/psa` as it is specified and at `/api/pinning` in the dialect of a service
//! that shares that root with the AIOZ API: 201 for a new pin, and a pin's CID never changes.

mod delegate;
mod given;
mod query;
mod reply;

use axum::{
    Json,
    extract::{FromRequestParts, RawQuery, Request, State},
    http::{StatusCode, Uri, request::Parts},
    response::Response,
};
pub(crate) use delegate::delegate;
use given::{GivenPin, RequestedPin};
use reply::{PinResults, PinStatusReply};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Shared,
    auth::{self, Allowed, ToList, ToPinByHash, ToUnpin},
    errors::{ApiError, Failure},
    held,
    ids::RecordId,
    json::Given,
    key_headers::has_keys,
    pinning,
};
use crate::store::{
    Store,
    keys::Owner,
    memory::Who,
    page::PinQuery,
    pin::{NewPin, Origin, Pin, PinStatus},
    scopes::Scope,
};

/// How the API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// As specified.
    Standard,
    /// As at `/api/pinning`.
    FixedCid,
}

impl Dialect {
    fn of(uri: &Uri) -> Self {
        if uri.path().starts_with("/api/psa") { Self::Standard } else { Self::FixedCid }
    }

    const fn created(self) -> StatusCode {
        match self {
            Self::Standard => StatusCode::ACCEPTED,
            Self::FixedCid => StatusCode::CREATED,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Dialect {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.uri))
    }
}

/// The owner of a key that may replace a pin: as specified, that ends the old one.
pub(crate) struct AllowedToReplace(Owner, Dialect);

impl FromRequestParts<Shared> for AllowedToReplace {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, ApiError> {
        let caller = auth::authenticate(shared, parts).await?;
        let (owner, dialect) = (caller.may(Scope::PinByHash)?, Dialect::of(&parts.uri));
        if dialect == Dialect::Standard {
            caller.may(Scope::Unpin)?;
        }
        parts.extensions.insert(Who::from(owner));
        Ok(Self(owner, dialect))
    }
}

/// `GET /api/pinning/pins`: the list of the AIOZ API for who comes with its headers, else that of this one.
pub(crate) async fn list_of_either_api(
    state: State<Shared>,
    allowed: Allowed<ToList>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    if has_keys(&parts.headers) {
        let query = PinQuery::from_request_parts(&mut parts, &state.0).await?;
        pinning::list(state, allowed, query).await
    } else {
        let query = parts.uri.query().map(str::to_owned);
        list(state, allowed, RawQuery(query)).await
    }
}

#[utoipa::path(
    get,
    path = "/api/psa/pins",
    tag = "psa",
    security(("token" = [])),
    params(
        ("cid" = Option<Vec<String>>, Query, description = "Any of these", style = Form, explode = false, max_items = 10),
        ("name" = Option<String>, Query, max_length = 255),
        ("match" = Option<String>, Query, description = "exact, iexact, partial or ipartial"),
        ("status" = Option<Vec<String>>, Query, description = "Any of queued, pinning, pinned and failed; all unless \
                                                               said", style = Form, explode = false),
        ("before" = Option<String>, Query, description = "Created before this date of RFC 3339"),
        ("after" = Option<String>, Query, description = "Created after this date of RFC 3339"),
        ("limit" = Option<u32>, Query, description = "10 unless said", minimum = 1, maximum = 1000),
        ("meta" = Option<String>, Query, description = "A JSON object of strings that a pin must have"),
    ),
    responses(
        (status = 200, description = "The newest pins, and how many there are in all", body = PinResults),
        (status = "4XX", description = "What is wrong", body = Failure),
        (status = "5XX", description = "The service failed", body = Failure),
    )
)]
pub(crate) async fn list(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToList>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let search = query::search(query.as_deref().unwrap_or_default())?;
    let memory = held::for_page(&shared, owner).await?;
    let found = shared.blocking(move |store| store.pins.search(owner, &search)).await??;
    let results = found.pins.into_iter().map(|pin| PinStatusReply::new(pin, &shared)).collect();
    held::json(PinResults { count: found.count, results }, memory)
}

#[utoipa::path(
    post,
    path = "/api/psa/pins",
    tag = "psa",
    security(("token" = [])),
    request_body = GivenPin,
    responses(
        (status = 202, description = "The new pin", body = PinStatusReply),
        (status = "4XX", description = "What is wrong", body = Failure),
        (status = "5XX", description = "The service failed", body = Failure),
    )
)]
pub(crate) async fn add(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToPinByHash>,
    dialect: Dialect,
    Given(given): Given<GivenPin>,
) -> Result<(StatusCode, Json<PinStatusReply>), ApiError> {
    let requested = given.checked()?;
    let pin = shared
        .blocking_while_awaited(move |store, given_up| {
            record(store, owner, requested, given_up, |new| store.pins.insert(owner, new).map(Some))
        })
        .await??;
    let pin = pin.ok_or_else(ApiError::not_found)?;
    Ok((dialect.created(), Json(begun(pin, &shared))))
}

#[utoipa::path(
    get,
    path = "/api/psa/pins/{id}",
    tag = "psa",
    security(("token" = [])),
    params(("id" = String, Path, description = "The requestid")),
    responses(
        (status = 200, description = "The pin", body = PinStatusReply),
        (status = "4XX", description = "What is wrong", body = Failure),
        (status = "5XX", description = "The service failed", body = Failure),
    )
)]
pub(crate) async fn get(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToList>,
    RecordId(id): RecordId,
) -> Result<Json<PinStatusReply>, ApiError> {
    let pin = shared.blocking(move |store| live(store, owner, id)).await??;
    Ok(Json(PinStatusReply::new(pin, &shared)))
}

#[utoipa::path(
    post,
    path = "/api/psa/pins/{id}",
    tag = "psa",
    security(("token" = [])),
    params(("id" = String, Path, description = "The requestid")),
    request_body = GivenPin,
    responses(
        (status = 202, description = "The pin that is there instead", body = PinStatusReply),
        (status = "4XX", description = "What is wrong", body = Failure),
        (status = "5XX", description = "The service failed", body = Failure),
    )
)]
pub(crate) async fn replace(
    State(shared): State<Shared>,
    AllowedToReplace(owner, dialect): AllowedToReplace,
    RecordId(id): RecordId,
    Given(given): Given<GivenPin>,
) -> Result<(StatusCode, Json<PinStatusReply>), ApiError> {
    let requested = given.checked()?;
    let pin = match dialect {
        Dialect::Standard => {
            let replace = move |store: &Store, given_up| {
                live(store, owner, id)?;
                let replaced = record(store, owner, requested, given_up, |new| store.pins.replace(owner, id, new));
                store.blocks.note_garbage();
                replaced
            };
            let pin = shared.blocking_while_awaited(replace).await??;
            shared.retrievals.give_up(id);
            pin
        }
        Dialect::FixedCid => shared.blocking(move |store| describe(store, owner, id, &requested)).await??,
    };
    let pin = pin.ok_or_else(ApiError::not_found)?;
    Ok((StatusCode::ACCEPTED, Json(begun(pin, &shared))))
}

#[utoipa::path(
    delete,
    path = "/api/psa/pins/{id}",
    tag = "psa",
    security(("token" = [])),
    params(("id" = String, Path, description = "The requestid")),
    responses(
        (status = 202, description = "The pin has ended"),
        (status = "4XX", description = "What is wrong", body = Failure),
        (status = "5XX", description = "The service failed", body = Failure),
    )
)]
pub(crate) async fn remove(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToUnpin>,
    RecordId(id): RecordId,
) -> Result<StatusCode, ApiError> {
    let remove = move |store: &Store| {
        let removed = store.pins.remove(owner, id);
        store.blocks.note_garbage();
        removed
    };
    if shared.blocking(remove).await?? {
        shared.retrievals.give_up(id);
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(ApiError::not_found())
    }
}

/// Records a pin; of content that is held it is one at once.
fn record(
    store: &Store,
    owner: Owner,
    requested: RequestedPin,
    given_up: CancellationToken,
    insert: impl FnOnce(&NewPin) -> Result<Option<Pin>, crate::store::StoreError>,
) -> Result<Option<Pin>, ApiError> {
    let RequestedPin { root, cid_text, metadata, origins } = requested;
    let (state, _writer) = store.new_state(owner, &root, given_up)?;
    Ok(insert(&NewPin { root, cid_text, origin: Origin::Request(origins), state, metadata })?)
}

fn describe(store: &Store, owner: Owner, id: Uuid, requested: &RequestedPin) -> Result<Option<Pin>, ApiError> {
    let pin = live(store, owner, id)?;
    if pin.root.hash() != requested.root.hash() || pin.root.codec() != requested.root.codec() {
        return Err(ApiError::bad_request("the CID of a pin cannot be changed here"));
    }
    Ok(store.pins.describe(owner, id, &requested.metadata, &requested.origins)?)
}

/// A pin that was not given up.
fn live(store: &Store, owner: Owner, id: Uuid) -> Result<Pin, ApiError> {
    let pin = store.pins.get(owner, id)?.filter(|pin| pin.status != PinStatus::Unpinned);
    pin.ok_or_else(ApiError::not_found)
}

fn begun(pin: Pin, shared: &Shared) -> PinStatusReply {
    if pin.status == PinStatus::Queued {
        shared.retrievals.notify();
    }
    PinStatusReply::new(pin, shared)
}

//! Pins: by CID, one, many, and their end; and how a pin is written in a reply.

use std::str::FromStr;

use axum::{
    Json,
    body::Body,
    extract::{FromRequest, Path, Query, Request, State},
};
use holdfast_content::{Cid, CidTextError, multihash_hex};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Shared,
    auth::Caller,
    errors::{ApiError, Body as ErrorReply},
    json::read_json,
    metadata::{GivenMetadata, check_keyvalues},
};
use crate::store::{
    Store, StoreError,
    blocks::BlockWriter,
    holding::{Holding, holding},
    keys::Owner,
    order::{SortKey, SortOrder},
    page::{PinPage, PinQuery},
    pin::{Metadata, NewPin, NewPinState, Origin, Pin, PinStatus},
    scopes::Scope,
};

const DEFAULT_LIMIT: u32 = 10;
const MAX_LIMIT: u32 = 1000;

/// Less is not even a multibase's letter and a byte.
const MIN_CID_TEXT_BYTES: usize = 2;

/// How Go writes "never".
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

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

/// The reply to which a pin is written: each leaves other fields out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyTo {
    /// An upload or a pin by hash: without the size.
    Creation,
    Query,
    /// An unpin: without the state of the upload.
    Unpin,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AiozPin)]
pub(crate) struct PinReply {
    id: Uuid,
    file_record_id: Uuid,
    root_hash: String,
    cid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    user_id: Uuid,
    date_pinned: String,
    date_unpinned: String,
    pinned: bool,
    is_pin_by_hash: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_hash_status: Option<&'static str>,
    is_dir: bool,
    metadata: MetadataReply,
    status: &'static str,
    /// Why it is not pinned. The API has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct MetadataReply {
    name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    /// Uploads have it even when it is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    keyvalues: Option<Value>,
}

impl PinReply {
    pub(crate) fn new(pin: Pin, owner: Owner, to: ReplyTo) -> Self {
        let uploaded = pin.origin == Origin::Upload;
        let keyvalues = pin.metadata.keyvalues.map(Value::Object);
        Self {
            id: pin.id,
            file_record_id: pin.file_record_id,
            root_hash: multihash_hex(&pin.root),
            cid: pin.cid_text,
            size: pin.content_bytes.filter(|_| to != ReplyTo::Creation),
            user_id: owner.user_id,
            date_pinned: date(pin.date_pinned),
            date_unpinned: date(pin.date_unpinned),
            pinned: pin.status == PinStatus::Pinned,
            is_pin_by_hash: !uploaded,
            // An upload is received completely or not at all.
            sub_hash_status: (uploaded && to != ReplyTo::Unpin).then_some(status_word(PinStatus::Pinned)),
            is_dir: pin.is_dir,
            metadata: MetadataReply {
                name: pin.metadata.name,
                mime_type: pin.metadata.mime_type,
                keyvalues: if uploaded { Some(keyvalues.unwrap_or_default()) } else { keyvalues },
            },
            status: status_word(pin.status),
            message: pin.failure.filter(|_| pin.status == PinStatus::Failed),
        }
    }
}

/// The words of the API, which come from several generations of it.
const fn status_word(status: PinStatus) -> &'static str {
    match status {
        PinStatus::Queued => "RETRIEVAL",
        PinStatus::Fetching => "processingRetrieval",
        PinStatus::Pinned => "pinned",
        PinStatus::Failed => "retrieveFailed",
        PinStatus::Unpinned => "unpinNormally",
    }
}

fn date(microseconds: Option<i64>) -> String {
    let date = microseconds.and_then(|microseconds| Timestamp::from_microsecond(microseconds).ok());
    date.map_or_else(|| ZERO_TIME.into(), |date| format!("{date:.6}"))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct PinByHash {
    hash_to_pin: String,
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
    caller: Caller,
    body: Body,
) -> Result<Json<Success<PinReply>>, ApiError> {
    let owner = caller.may(Scope::PinByHash)?;
    let asked: PinByHash = read_json(&shared, body).await?;
    let cid_text = asked.hash_to_pin;
    let root = parse_cid(&cid_text)?;
    let given = asked.metadata.unwrap_or_default().checked()?;
    let metadata = Metadata {
        name: given.name.unwrap_or_else(|| cid_text.clone()),
        mime_type: given.mime_type,
        keyvalues: given.keyvalues,
    };
    let pin = move |store: &Store| {
        if store.pins.is_pinned(owner, &root)? {
            return Err(StoreError::AlreadyPinned);
        }
        store.blocks.room().check(0)?;
        let (state, _writer) = new_state(store, owner, &root)?;
        store.pins.insert(owner, &NewPin { root, cid_text, origin: Origin::ByHash, state, metadata })
    };
    let pin = shared.blocking(pin).await??;
    if pin.status == PinStatus::Queued {
        shared.retrievals.notify();
    }
    Ok(Json(Success::new(PinReply::new(pin, owner, ReplyTo::Creation))))
}

/// What a new pin by CID begins as, and the writer to keep until the pin is recorded. A root that the owner has pinned
/// counts once, so that another pin of it needs nothing of the quota.
pub(crate) fn new_state(store: &Store, owner: Owner, root: &Cid) -> Result<(NewPinState, BlockWriter), StoreError> {
    if store.pins.is_pinned(owner, root)? {
        let mut writer = store.blocks.writer();
        let state = look_for(store, root, &mut writer)?;
        // Else it was unpinned meanwhile, and would not be counted at all.
        if store.pins.is_pinned(owner, root)? {
            return Ok((state, writer));
        }
    }
    let mut writer = store.writer_for(owner)?;
    let state = look_for(store, root, &mut writer)?;
    Ok((state, writer))
}

fn look_for(store: &Store, root: &Cid, writer: &mut BlockWriter) -> Result<NewPinState, StoreError> {
    match holding(&store.blocks, root, writer)? {
        Holding::Complete { content_bytes, is_dir } => {
            // Its blocks may be those of an upload that has not come to its end.
            writer.make_durable()?;
            store.record_dag(root, writer.dag_bytes(), writer)?;
            Ok(NewPinState::Pinned { content_bytes, is_dir })
        }
        Holding::Incomplete => Ok(NewPinState::Queued),
    }
}

pub(crate) fn parse_cid(text: &str) -> Result<Cid, ApiError> {
    let invalid = |why: &str| ApiError::bad_request(format!("invalid cid: {why}"));
    holdfast_content::parse_cid(text).map_err(|error| match error {
        CidTextError::TooLong => invalid("cid too long"),
        _ if text.len() < MIN_CID_TEXT_BYTES => invalid("cid too short"),
        _ => invalid("selected encoding not supported"),
    })
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
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Success<PinReply>>, ApiError> {
    let owner = caller.may(Scope::List)?;
    let id = parse_id(&id)?;
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
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Success<PinReply>>, ApiError> {
    let owner = caller.may(Scope::Unpin)?;
    let id = parse_id(&id)?;
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

/// What is no UUID is the id of no pin.
pub(crate) fn parse_id(text: &str) -> Result<Uuid, ApiError> {
    Uuid::from_str(text).map_err(|_| ApiError::not_found())
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListReply {
    totals: Totals,
    pins: Vec<PinReply>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Totals {
    files: u64,
    size: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListParameters {
    offset: Option<String>,
    limit: Option<String>,
    pinned: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    metadata: Option<String>,
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
    caller: Caller,
    request: Request,
) -> Result<Json<Success<ListReply>>, ApiError> {
    let owner = caller.may(Scope::List)?;
    let parameters = Query::<ListParameters>::from_request(request, &shared).await;
    let Query(parameters) = parameters.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let query = parameters.query()?;
    let PinPage { files, content_bytes, pins } = shared.blocking(move |store| store.pins.list(owner, &query)).await??;
    let pins = pins.into_iter().map(|pin| PinReply::new(pin, owner, ReplyTo::Query)).collect();
    Ok(Json(Success::new(ListReply { totals: Totals { files, size: content_bytes }, pins })))
}

impl ListParameters {
    fn query(&self) -> Result<PinQuery, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let bad = |message: &'static str| Err(ApiError::bad_request(message));
        let offset = match given(&self.offset).map(|text| text.parse()) {
            None => 0,
            Some(Ok(offset)) => offset,
            Some(Err(_)) => return bad("offset must be a number from 0 to 4294967295"),
        };
        let limit = match given(&self.limit).map(|text| text.parse()) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit @ 1..=MAX_LIMIT)) => limit,
            Some(_) => return bad("limit must be a number from 1 to 1000"),
        };
        let pinned = match given(&self.pinned).as_deref() {
            None | Some("all") => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return bad("pinned must be all, true or false"),
        };
        let sort_key = match given(&self.sort_by).as_deref() {
            None | Some("created_at") => SortKey::CreatedAt,
            Some("size") => SortKey::Size,
            Some("name") => SortKey::Name,
            Some(_) => return bad("sortBy must be created_at, size or name"),
        };
        let sort_order = match given(&self.sort_order).map(|order| order.to_ascii_uppercase()).as_deref() {
            None | Some("DESC") => SortOrder::Descending,
            Some("ASC") => SortOrder::Ascending,
            Some(_) => return bad("sortOrder must be ASC or DESC"),
        };
        let keyvalues: Map<String, Value> = match given(&self.metadata) {
            None => Map::new(),
            Some(text) => match serde_json::from_str(&text) {
                Ok(pairs) => pairs,
                Err(_) => return bad("metadata must be a JSON object of keyvalues"),
            },
        };
        check_keyvalues(&keyvalues)?;
        Ok(PinQuery { pinned, keyvalues, sort_key, sort_order, offset, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_six_digits_and_never_is_go_s_zero() {
        assert_eq!(date(None), ZERO_TIME);
        assert_eq!(date(Some(1_672_571_471_111_111)), "2023-01-01T11:11:11.111111Z");
        assert_eq!(date(Some(1_672_571_471_000_000)), "2023-01-01T11:11:11.000000Z");
    }

    #[test]
    fn cids_are_read_strictly() {
        assert!(parse_cid("Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs").is_ok());
        for text in ["", "Q", "hello", "/ipfs/bafkqaaa", "bafkqaaa/x", " bafkqaaa", "bafkqaaa\n", &"z".repeat(65_000)] {
            assert!(parse_cid(text).is_err(), "{text:?}");
        }
    }
}

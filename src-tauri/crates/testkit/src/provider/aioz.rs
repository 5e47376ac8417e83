//! The AIOZ Pin API.

use std::io;

use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use futures_util::Stream;
use holdfast_content::Cid;
use serde_json::{Value, json};

use super::{
    Call, KeepBlocks, Pins, State, Totals,
    form::{self, Filenames},
    reply::{Reply, collect, drain},
};
use crate::identified;

/// The call that a method and path stand for.
pub(super) fn call_of(method: &Method, path: &str) -> Option<Call> {
    match (method.as_str(), path.strip_prefix("/api")?) {
        ("GET", "/apiKeys/testAuthentication/") => Some(Call::Test),
        ("GET", "/billing/thisMonthUsage") => Some(Call::Usage),
        ("POST", "/pinning/") => Some(Call::Upload),
        ("POST", "/pinning/pinByHash") => Some(Call::Pin),
        ("GET", "/pinning/pins/") => Some(Call::List),
        ("GET", path) if path.strip_prefix("/pinning/").is_some_and(|id| !id.contains('/')) => Some(Call::Get),
        ("DELETE", path) if path.starts_with("/pinning/unpin/") => Some(Call::Unpin),
        _ => None,
    }
}

/// Does what was asked for.
pub(super) async fn act<S>(
    state: &State,
    call: Call,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: S,
    number: usize,
) -> Reply
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let id = path.rsplit('/').next().unwrap_or_default();
    match call {
        Call::Test => {
            drain(body).await;
            let message = "Congratulations! You are communicating with the Web3 IPFS API!";
            Reply::json(StatusCode::OK, json!({ "message": message }))
        }
        Call::Upload => upload(state, headers, body, number).await,
        Call::Pin => pin(state, &collect(body).await),
        Call::Get => match state.inner().pins.get(id) {
            Some(pin) => Reply::json(StatusCode::OK, success(pin.json())),
            None => Reply::json(StatusCode::NOT_FOUND, failure("record not found")),
        },
        Call::List => list(state, query.unwrap_or_default()),
        Call::Usage => {
            let bytes: u64 = state.inner().pins.all().iter().filter(|pin| pin.pinned).filter_map(|pin| pin.size).sum();
            Reply::json(StatusCode::OK, success(json!({ "total_storage": bytes, "storage_usage": bytes })))
        }
        Call::About | Call::Edit | Call::Block => Reply::json(StatusCode::NOT_FOUND, failure("not a call of the API")),
        Call::Unpin => match state.inner().pins.get(id).filter(|pin| !pin.is_unpinned()) {
            Some(pin) => {
                let before = pin.json();
                pin.unpin();
                Reply::json(StatusCode::OK, success(before))
            }
            None => Reply::json(StatusCode::NOT_FOUND, failure("record not found")),
        },
    }
}

async fn upload<S>(state: &State, headers: &HeaderMap, body: S, number: usize) -> Reply
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let layout = state.inner().manners.layout;
    let Some(uploaded) = form::read(body, headers, layout, Filenames::Quoted, &mut KeepBlocks(state)).await else {
        return Reply::json(StatusCode::BAD_REQUEST, failure("Failed to get uploaded files"));
    };
    let mut inner = state.inner();
    inner.requests[number].complete = true;
    let manners = inner.manners.clone();
    if uploaded.has_empty_file && manners.refuses_empty {
        return Reply::json(StatusCode::BAD_REQUEST, failure("Cannot pin empty file"));
    }
    let cid = uploaded.link.cid;
    let is_held = inner.pins.all().iter().any(|pin| pin.pinned && pin.cid == cid.to_string());
    if is_held && manners.refuses_duplicates {
        return Reply::json(StatusCode::CONFLICT, failure("Pin with that hash already exists"));
    }
    let pin = inner.pins.add(&cid, uploaded.metadata["name"].as_str().unwrap_or_default());
    pin.keyvalues = uploaded.metadata["keyvalues"].as_object().cloned();
    pin.size = Some(uploaded.link.content_bytes);
    pin.is_dir = uploaded.is_dir;
    pin.status = manners.status.into();
    let mut data = pin.json();
    // An upload's answer has neither the size nor the settled state.
    data["pinned"] = false.into();
    if let Some(data) = data.as_object_mut() {
        data.remove("size");
    }
    Reply::json(StatusCode::CREATED, success(data))
}

fn pin(state: &State, body: &[u8]) -> Reply {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(cid) = asked["hash_to_pin"].as_str().and_then(|text| Cid::try_from(text).ok()) else {
        return Reply::json(StatusCode::BAD_REQUEST, failure("invalid cid: cid too short"));
    };
    let mut inner = state.inner();
    let manners = inner.manners.clone();
    let is_held = inner.pins.all().iter().any(|pin| pin.pinned && pin.cid == cid.to_string());
    if is_held && manners.refuses_duplicates {
        return Reply::json(StatusCode::CONFLICT, failure("Pin with that hash already exists"));
    }
    let pin = inner.pins.add(&cid, asked["metadata"]["name"].as_str().unwrap_or_default());
    pin.keyvalues = asked["metadata"]["keyvalues"].as_object().cloned();
    pin.is_pin_by_hash = true;
    let mut answered = pin.clone();
    (answered.pinned, answered.status) = (false, "RETRIEVAL".into());
    pin.settle_as(manners.status);
    Reply::json(StatusCode::OK, success(answered.json()))
}

fn list(state: &State, query: &str) -> Reply {
    let (offset, limit) = (number(query, "offset", 0), number(query, "limit", 10));
    let mut inner = state.inner();
    let inner = &mut *inner;
    let all = inner.pins.all();
    let rows = usize::try_from(limit.min(inner.manners.longest_page)).unwrap_or(usize::MAX);
    let page: Vec<Value> =
        all.iter().rev().skip(usize::try_from(offset).unwrap_or(usize::MAX)).take(rows).map(|pin| pin.json()).collect();
    let totals = match inner.manners.totals {
        Totals::Honest => json!({ "files": all.len(), "size": 0 }),
        Totals::Always(files) => json!({ "files": files, "size": 0 }),
        Totals::OfThePage => json!({ "files": page.len(), "size": 0 }),
        Totals::Absent => Value::Null,
    };
    let pins = if page.is_empty() { Value::Null } else { page.into() };
    if let Some(change) = &mut inner.between_pages {
        change(&mut inner.pins, offset);
    }
    Reply::json(StatusCode::OK, success(json!({ "totals": totals, "pins": pins })))
}

/// A number of a query.
fn number(query: &str, name: &str, default: u64) -> u64 {
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    found.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
}

/// Makes a listing's answer the page at its offset of a list that has no end.
pub(super) fn never_end(state: &State, answer: &mut Value, query: &str, again_after: Option<u64>) {
    let (offset, limit) = (number(query, "offset", 0), number(query, "limit", 10));
    let rows = limit.min(state.inner().manners.longest_page);
    let cid = identified(b"anything", state.inner().manners.layout).cid;
    let row = |number: u64| {
        let mut pins = Pins::default();
        let pin = pins.add(&cid, "one of many");
        pin.id = format!("endless-{}", again_after.map_or(number, |again| number % again.max(1)));
        pin.json()
    };
    answer["data"]["pins"] = (offset..offset + rows).map(row).collect();
}

fn success(data: Value) -> Value {
    json!({ "data": data, "status": "success" })
}

/// An error's body.
pub(super) fn failure(message: &str) -> Value {
    json!({ "status": "fail", "message": message })
}

/// Makes an answer name another CID.
pub(super) fn name_other_cid(answer: &mut Value, other: &Cid) {
    answer["data"]["cid"] = other.to_string().into();
    answer["data"]["root_hash"] = Value::Null;
}

//! The IPFS Pinning Service API.

use std::{collections::HashMap, io};

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::Stream;
use holdfast_content::{Cid, cid_v1};
use serde_json::{Map, Value, json};

use super::{
    Bounds, Call, EditedId, HeldPin, Manners, Pins, State, TimesTo, Totals,
    reply::{Reply, collect, drain},
};
use crate::identified;

const MAX_CIDS: usize = 10;
const STATUSES: [&str; 4] = ["queued", "pinning", "pinned", "failed"];

/// The call that a method and path stand for.
pub(super) fn call_of(method: &Method, path: &str) -> Option<Call> {
    let path = path.strip_prefix("/api/psa/pins")?;
    let has_id = path.strip_prefix('/').is_some_and(|id| !id.is_empty() && !id.contains('/'));
    match (method.as_str(), path.is_empty(), has_id) {
        ("GET", true, _) => Some(Call::List),
        ("POST", true, _) => Some(Call::Pin),
        ("GET", _, true) => Some(Call::Get),
        ("POST", _, true) => Some(Call::Edit),
        ("DELETE", _, true) => Some(Call::Unpin),
        _ => None,
    }
}

/// Does what was asked for.
pub(super) async fn act<S>(state: &State, call: Call, path: &str, query: Option<&str>, body: S) -> Reply
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let id = path.rsplit('/').next().unwrap_or_default();
    match call {
        Call::List => list(state, query.unwrap_or_default()),
        Call::Pin => pin(state, &collect(body).await),
        Call::Edit => edit(state, id, &collect(body).await),
        Call::Get => {
            let mut inner = state.inner();
            let manners = inner.manners.clone();
            inner.pins.get(id).map_or_else(no_such_pin, |pin| Reply::json(StatusCode::OK, status(pin, &manners)))
        }
        Call::Unpin => {
            let mut inner = state.inner();
            let is_there = inner.pins.get(id).is_some();
            inner.pins.remove(|pin| pin.id == id);
            if is_there { Reply::empty(StatusCode::ACCEPTED) } else { no_such_pin() }
        }
        Call::Test | Call::Upload | Call::About | Call::Usage | Call::Block => {
            drain(body).await;
            failure(StatusCode::NOT_FOUND, "not a call of the API")
        }
    }
}

/// An error's answer.
pub(super) fn failure(code: StatusCode, message: &str) -> Reply {
    let reason = code.canonical_reason().unwrap_or("CUSTOM").to_uppercase().replace(' ', "_");
    Reply::json(code, json!({ "error": { "reason": reason, "details": message } }))
}

fn no_such_pin() -> Reply {
    failure(StatusCode::NOT_FOUND, "The specified resource was not found")
}

/// What a body asks to have pinned.
struct Wanted {
    cid: Cid,
    name: String,
    meta: Option<Map<String, Value>>,
}

fn wanted(body: &[u8]) -> Result<Wanted, Reply> {
    let bad = |what: &str| failure(StatusCode::BAD_REQUEST, what);
    let asked: Value = serde_json::from_slice(body).map_err(|_| bad("invalid JSON"))?;
    let cid = asked["cid"].as_str().and_then(|text| Cid::try_from(text).ok()).ok_or_else(|| bad("invalid cid"))?;
    let name = asked["name"].as_str().unwrap_or_default().to_owned();
    let origins = asked["origins"].as_array().cloned().unwrap_or_default();
    let names_peer = |origin: &Value| origin.as_str().is_some_and(|text| text.contains("/p2p/"));
    let meta = asked["meta"].as_object().cloned();
    if name.chars().count() > 255 || origins.len() > 20 || !origins.iter().all(names_peer) {
        return Err(bad("invalid name or origins"));
    }
    if meta.iter().flatten().any(|(_, value)| !value.is_string()) {
        return Err(bad("meta must have strings only"));
    }
    Ok(Wanted { cid, name, meta: meta.filter(|meta| !meta.is_empty()) })
}

fn pin(state: &State, body: &[u8]) -> Reply {
    let wanted = match wanted(body) {
        Ok(wanted) => wanted,
        Err(reply) => return reply,
    };
    let mut inner = state.inner();
    let manners = inner.manners.clone();
    let pin = inner.pins.add(&wanted.cid, &wanted.name);
    pin.keyvalues = wanted.meta;
    let mut answered = pin.clone();
    answered.status = "queued".into();
    pin.settle_as(manners.status);
    let code = StatusCode::from_u16(manners.pinned_code).unwrap_or(StatusCode::ACCEPTED);
    Reply::json(code, status(&answered, &manners))
}

fn edit(state: &State, id: &str, body: &[u8]) -> Reply {
    let wanted = match wanted(body) {
        Ok(wanted) => wanted,
        Err(reply) => return reply,
    };
    let mut inner = state.inner();
    let manners = inner.manners.clone();
    let Some(before) = inner.pins.get(id).cloned() else { return no_such_pin() };
    let pin = match manners.edited_id {
        EditedId::Same => {
            let same = Cid::try_from(before.cid.as_str()).is_ok_and(|cid| cid_v1(&cid) == cid_v1(&wanted.cid));
            let Some(pin) = inner.pins.get(id).filter(|_| same) else {
                return failure(StatusCode::BAD_REQUEST, "The CID cannot be changed");
            };
            pin.name = Some(wanted.name).filter(|name| !name.is_empty());
            pin
        }
        EditedId::New => {
            inner.pins.remove(|pin| pin.id == id);
            let pin = inner.pins.add(&wanted.cid, &wanted.name);
            pin.status = before.status;
            pin
        }
    };
    pin.keyvalues = wanted.meta;
    Reply::json(StatusCode::ACCEPTED, status(pin, &manners))
}

fn list(state: &State, query: &str) -> Reply {
    let bad = |what: &str| failure(StatusCode::BAD_REQUEST, what);
    let asked: HashMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let words = |name: &str| asked.get(name).map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
    let (cids, statuses) = (words("cid").unwrap_or_default(), words("status"));
    let Ok(cids) =
        cids.iter().map(|text| Cid::try_from(text.as_str()).map(|cid| cid_v1(&cid))).collect::<Result<Vec<_>, _>>()
    else {
        return bad("invalid cid");
    };
    if cids.len() > MAX_CIDS || statuses.iter().flatten().any(|word| !STATUSES.contains(&word.as_str())) {
        return bad("too many CIDs, or an unknown status");
    }
    let mut inner = state.inner();
    let inner = &mut *inner;
    let manners = inner.manners.clone();
    let limit = asked.get("limit").map_or(Some(10), |text| text.parse::<u64>().ok());
    let Some(limit) = limit.filter(|limit| (1..=manners.largest_limit).contains(limit)) else {
        return bad("limit is out of range");
    };
    if manners.bounds == Bounds::Refused && (asked.contains_key("before") || asked.contains_key("after")) {
        return bad("unknown parameter");
    }
    let by_bounds = |pin: &HeldPin| {
        let created = created(pin, &manners);
        manners.bounds == Bounds::Ignored
            || asked.get("before").is_none_or(|before| created.as_str() < before.as_str())
                && asked.get("after").is_none_or(|after| created.as_str() > after.as_str())
    };
    let by_cid = |pin: &HeldPin| {
        let of_pin = Cid::try_from(pin.cid.as_str()).map(|cid| cid_v1(&cid)).unwrap_or_default();
        cids.is_empty() || !manners.filters_cids || cids.contains(&of_pin)
    };
    // Words of the service's own are in no filter.
    let by_status = |pin: &HeldPin| {
        let is_own = !STATUSES.contains(&pin.status.as_str());
        statuses.as_ref().is_none_or(|words| is_own || words.contains(&pin.status))
    };
    let by_name = |pin: &HeldPin| asked.get("name").is_none_or(|name| pin.name.as_ref() == Some(name));
    let all = inner.pins.all().iter().rev();
    let found: Vec<_> = all.filter(|pin| by_bounds(pin) && by_cid(pin) && by_status(pin) && by_name(pin)).collect();
    let rows = usize::try_from(limit.min(manners.longest_page)).unwrap_or(usize::MAX);
    let page: Vec<Value> = found.iter().take(rows).map(|pin| status(pin, &manners)).collect();
    let count = match manners.totals {
        Totals::Honest => json!(found.len()),
        Totals::OfThePage => json!(page.len()),
        Totals::Always(number) => json!(number),
        Totals::Absent => Value::Null,
    };
    if let Some(change) = &mut inner.between_pages {
        change(&mut inner.pins, u64::from(asked.contains_key("before")));
    }
    Reply::json(StatusCode::OK, json!({ "count": count, "results": page }))
}

/// Makes a listing's answer the page before its bound of a list that has no end.
pub(super) fn never_end(state: &State, answer: &mut Value, query: &str, again_after: Option<u64>) {
    const NEWEST: u64 = 999_999_999;
    let asked = |name: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let before = asked("before").and_then(|text| text.get(20..29)?.parse().ok());
    let first = before.map_or(0, |nanos: u64| NEWEST - nanos + 1);
    let manners = state.inner().manners.clone();
    let rows = asked("limit").and_then(|text| text.parse().ok()).unwrap_or(10).min(manners.longest_page);
    let cid = identified(b"anything", manners.layout).cid;
    let row = |number: u64| {
        let mut pins = Pins::default();
        let pin = pins.add(&cid, "one of many");
        pin.id = format!("endless-{}", again_after.map_or(number, |again| number % again.max(1)));
        pin.date_pinned = format!("2025-01-01T00:00:00.{:09}Z", NEWEST.saturating_sub(number));
        status(pin, &manners)
    };
    answer["results"] = (first..first + rows).map(row).collect();
    answer["count"] = NEWEST.into();
}

fn status(pin: &HeldPin, manners: &Manners) -> Value {
    let mut written = json!({
        "requestid": pin.id,
        "status": pin.status,
        "created": created(pin, manners),
        "pin": { "cid": pin.cid, "name": pin.name, "meta": pin.keyvalues },
        "delegates": ["/dns4/cluster.example.com/tcp/4001/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"],
    });
    if let Some(bytes) = pin.size {
        written["info"] = json!({ "raw_size": bytes.to_string() });
    }
    written
}

fn created(pin: &HeldPin, manners: &Manners) -> String {
    match manners.times_to {
        TimesTo::Microsecond => pin.date_pinned.clone(),
        TimesTo::Second => format!("{}Z", pin.date_pinned.split('.').next().unwrap_or_default()),
    }
}

//! The REST API of an IPFS Cluster of two peers: one pin for a CID, a status from each peer, lists of lines.

use std::{collections::HashMap, io};

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use bytes::Bytes;
use futures_util::Stream;
use holdfast_content::{Cid, Profile};
use serde_json::{Map, Value, json};

use super::{
    Call, HeldPin, KeepBlocks, Pins, State,
    form::{self, Filenames},
    reply::{Reply, drain},
};
use crate::identified;

const PEERS: [&str; 2] =
    ["12D3KooWBhMbLvQHgwPwBdVxtoPpaDnmXkKmPXoLqRuFtUFtLCtm", "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"];

/// The call that a method and path stand for.
pub(super) fn call_of(method: &Method, path: &str) -> Option<Call> {
    let one = |prefix: &str| path.strip_prefix(prefix).is_some_and(|id| !id.is_empty() && !id.contains('/'));
    match method.as_str() {
        "GET" if path == "/id" => Some(Call::Test),
        "POST" if path == "/add" => Some(Call::Upload),
        "GET" if path == "/pins" => Some(Call::List),
        "GET" if one("/pins/") => Some(Call::Get),
        "POST" if one("/pins/") => Some(Call::Pin),
        "DELETE" if one("/pins/") => Some(Call::Unpin),
        "GET" if path == "/peers" || one("/allocations/") => Some(Call::About),
        _ => None,
    }
}

/// Does what was asked for.
pub(super) async fn act<S>(state: &State, call: Call, uri: &Uri, headers: &HeaderMap, body: S, number: usize) -> Reply
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let asked: HashMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    if call == Call::Upload {
        return add(state, &asked, headers, body, number).await;
    }
    drain(body).await;
    let id = uri.path().rsplit('/').next().unwrap_or_default();
    match call {
        Call::Test => Reply::json(StatusCode::OK, peer(0)),
        Call::List => list(state, asked.get("cids")),
        Call::About if uri.path() == "/peers" => Reply::lines((0..PEERS.len()).map(peer).collect()),
        _ => {
            let Ok(cid) = Cid::try_from(id) else {
                return failure(
                    StatusCode::BAD_REQUEST,
                    "error decoding Cid: invalid cid: selected encoding not supported",
                );
            };
            let mut inner = state.inner();
            match call {
                Call::Pin => {
                    let status = inner.manners.status;
                    let is_new = inner.pins.get(id).is_none();
                    describe(inner.pins.get_or_add(&cid), &asked);
                    if let Some(pin) = inner.pins.get(id).filter(|_| is_new) {
                        pin.status = status.into();
                    }
                    let pin = inner.pins.get(id).map(|pin| shared(pin));
                    Reply::json(StatusCode::OK, pin.unwrap_or_default())
                }
                Call::Get => {
                    Reply::json(StatusCode::OK, inner.pins.get(id).map_or_else(|| unpinned(id), |pin| told(pin)))
                }
                Call::Unpin | Call::About => match inner.pins.get(id).map(|pin| shared(pin)) {
                    Some(pin) => {
                        if call == Call::Unpin {
                            inner.pins.remove(|pin| pin.id == id);
                        }
                        Reply::json(StatusCode::OK, pin)
                    }
                    None => failure(StatusCode::NOT_FOUND, "pin is not part of the pinset"),
                },
                _ => failure(StatusCode::NOT_FOUND, "not found"),
            }
        }
    }
}

/// An error's answer.
pub(super) fn failure(status: StatusCode, message: &str) -> Reply {
    Reply::json(status, json!({ "code": status.as_u16(), "message": message }))
}

/// Makes an answer name the CID of other bytes.
pub(super) fn name_other_cid(answer: &mut Value, other: &Cid) {
    if answer["cid"].is_string() {
        answer["cid"] = other.to_string().into();
    }
}

async fn add<S>(state: &State, asked: &HashMap<String, String>, headers: &HeaderMap, body: S, number: usize) -> Reply
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    // An upload's answer has begun before anything can go wrong.
    let broken = || Reply::lines_and_failure(vec![], "unexpected EOF");
    let layout = state.inner().manners.layout;
    let (cid, root, size, is_dir) = if asked.get("format").is_some_and(|format| format == "car") {
        match form::read_archive(body, headers, &mut KeepBlocks(state)).await {
            Some(root) => (root, "archive".to_owned(), None, false),
            None => return broken(),
        }
    } else {
        match form::read(body, headers, layout, Filenames::PercentEncoded, &mut KeepBlocks(state)).await {
            Some(uploaded) => (uploaded.link.cid, uploaded.root, Some(uploaded.link.content_bytes), uploaded.is_dir),
            None => return broken(),
        }
    };
    let mut inner = state.inner();
    inner.requests[number].complete = true;
    let status = inner.manners.status;
    let pin = inner.pins.get_or_add(&cid);
    describe(pin, asked);
    (pin.size, pin.is_dir, pin.status) = (size, is_dir, status.into());
    let below = is_dir.then(|| json!({ "name": format!("{root}/a"), "cid": "bafkqaaa", "size": 0 }));
    let line = json!({ "name": root, "cid": cid.to_string(), "size": size, "allocations": PEERS });
    Reply::lines(below.into_iter().chain([line]).collect())
}

fn list(state: &State, cids: Option<&String>) -> Reply {
    let mut inner = state.inner();
    let inner = &mut *inner;
    let rows = match cids {
        None => inner.pins.all().iter().map(told).collect(),
        Some(cids) => {
            cids.split(',').map(|id| inner.pins.get(id).map_or_else(|| unpinned(id), |pin| told(pin))).collect()
        }
    };
    if let Some(change) = &mut inner.between_pages {
        change(&mut inner.pins, 0);
    }
    Reply::lines(rows)
}

/// Gives a pin the name and metadata of a query, and no others.
fn describe(pin: &mut HeldPin, asked: &HashMap<String, String>) {
    pin.name = asked.get("name").cloned();
    let metadata: Map<String, Value> = asked
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("meta-")?.to_owned(), value.clone().into())))
        .collect();
    pin.keyvalues = Some(metadata).filter(|metadata| !metadata.is_empty());
}

/// What the peers say of a pin.
fn told(pin: &HeldPin) -> Value {
    let of = |status: &str| {
        let error = if status.ends_with("error") { "context deadline exceeded" } else { "" };
        json!({ "peername": "one", "status": status, "timestamp": pin.date_pinned, "error": error, "attempt_count": 0 })
    };
    json!({
        "cid": pin.cid,
        "name": pin.name.clone().unwrap_or_default(),
        "allocations": [PEERS[0]],
        "origins": null,
        "created": pin.date_pinned,
        "metadata": pin.keyvalues,
        "peer_map": { PEERS[0]: of(&pin.status), PEERS[1]: of("remote") },
    })
}

/// A line of a list, whose CID is of a number.
pub(super) fn numbered_line(number: u64) -> Value {
    told(Pins::default().add(&identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid, "one of many"))
}

/// What they say of what nobody pinned.
fn unpinned(id: &str) -> Value {
    let peer = json!({ "peername": "one", "status": "unpinned", "error": "" });
    json!({ "cid": id, "name": "", "allocations": [], "metadata": null, "peer_map": { PEERS[0]: peer } })
}

/// A pin as the peers share it.
fn shared(pin: &HeldPin) -> Value {
    json!({
        "replication_factor_min": 1,
        "replication_factor_max": 1,
        "name": pin.name.clone().unwrap_or_default(),
        "mode": "recursive",
        "shard_size": 0,
        "user_allocations": null,
        "expire_at": "0001-01-01T00:00:00Z",
        "metadata": pin.keyvalues,
        "origins": [],
        "cid": pin.cid,
        "allocations": [PEERS[0]],
    })
}

fn peer(number: usize) -> Value {
    let ipfs = json!({ "id": PEERS[number], "addresses": [format!("/ip4/203.0.113.{number}/tcp/4001/p2p/{}", PEERS[number])] });
    json!({ "id": PEERS[number], "cluster_peers": PEERS, "version": "1.1.6", "error": "", "ipfs": ipfs, "peername": "one" })
}

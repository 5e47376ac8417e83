//! The RPC API of a Kubo node: POST only, one pin for a CID, and status 500 for every error.

use std::{collections::HashMap, io};

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use bytes::Bytes;
use futures_util::Stream;
use holdfast_content::{Cid, Profile};
use serde_json::{Value, json};

use super::{
    Call, KeepBlocks, Pins, State,
    form::{self, Filenames},
    reply::{Reply, drain},
};
use crate::identified;

const PEER: &str = "12D3KooWBhMbLvQHgwPwBdVxtoPpaDnmXkKmPXoLqRuFtUFtLCtm";

/// The call that a method and address stand for.
pub(super) fn call_of(method: &Method, uri: &Uri) -> Option<Call> {
    if method != Method::POST {
        return None;
    }
    let has_argument = uri.query().is_some_and(|query| query.contains("arg="));
    match uri.path().strip_prefix("/api/v0/")? {
        "version" => Some(Call::Test),
        "add" | "dag/import" => Some(Call::Upload),
        "pin/add" => Some(Call::Pin),
        "pin/ls" if has_argument => Some(Call::Get),
        "pin/ls" => Some(Call::List),
        "pin/rm" => Some(Call::Unpin),
        "config" | "files/stat" | "id" | "repo/stat" | "swarm/connect" => Some(Call::About),
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
    let text = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let argument = text("arg");
    if call == Call::Upload {
        return match uri.path().ends_with("dag/import") {
            true => import(state, headers, body, number).await,
            false => add(state, text("pin-name"), headers, body, number).await,
        };
    }
    drain(body).await;
    match call {
        Call::Test => {
            let version = json!({ "Version": "0.43.0", "Commit": "", "Repo": "18", "System": "amd64/linux" });
            Reply::json(StatusCode::OK, version)
        }
        Call::Pin => match Cid::try_from(argument) {
            Ok(cid) => {
                pin(&mut state.inner().pins, &cid, text("name"));
                Reply::lines(vec![json!({}), json!({ "Progress": 1, "Bytes": 9 }), json!({ "Pins": [argument] })])
            }
            Err(_) => failure(&format!("invalid path {argument:?}: path does not have enough components")),
        },
        Call::Get => match state.inner().pins.get(argument) {
            Some(pin) => {
                Reply::json(StatusCode::OK, json!({ "Keys": { argument: { "Type": "recursive", "Name": pin.name } } }))
            }
            None => failure(&format!("path '{argument}' is not pinned")),
        },
        Call::List => list(state),
        Call::Unpin => {
            let mut inner = state.inner();
            let is_there = inner.pins.get(argument).is_some();
            inner.pins.remove(|pin| pin.id == argument);
            if is_there {
                Reply::json(StatusCode::OK, json!({ "Pins": [argument] }))
            } else {
                failure("not pinned or pinned indirectly")
            }
        }
        _ => about(state, uri.path(), argument),
    }
}

/// An error's answer.
pub(super) fn failure(message: &str) -> Reply {
    Reply::json(StatusCode::INTERNAL_SERVER_ERROR, failure_of(message))
}

/// An error.
pub(super) fn failure_of(message: &str) -> Value {
    json!({ "Message": message, "Code": 0, "Type": "error" })
}

/// What somebody hears who may not use the API.
pub(super) fn denied() -> Reply {
    let message = "Kubo RPC Access Denied: Please provide a valid authorization token as defined in the API.Authorizations configuration.";
    Reply::json(StatusCode::FORBIDDEN, failure_of(message))
}

/// Makes an answer name the CID of other bytes.
pub(super) fn name_other_cid(lines: &mut [Value], other: &Cid) {
    for line in lines {
        if line["Pins"].is_array() {
            line["Pins"][0] = other.to_string().into();
        } else if line["Root"].is_object() {
            line["Root"]["Cid"]["/"] = other.to_string().into();
        } else if line["Hash"].is_string() {
            line["Hash"] = other.to_string().into();
        }
    }
}

/// A line of a list, whose CID is of a number.
pub(super) fn numbered_line(number: u64) -> Value {
    row(&identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid.to_string(), Some("one of many"))
}

fn row(cid: &str, name: Option<&str>) -> Value {
    json!({ "Cid": cid, "Name": name, "Type": "recursive" })
}

/// Pins a CID, or gives its pin another name.
fn pin(pins: &mut Pins, cid: &Cid, name: &str) {
    pins.get_or_add(cid).name = Some(name.into());
}

async fn add<S>(state: &State, name: &str, headers: &HeaderMap, body: S, number: usize) -> Reply
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let layout = state.inner().manners.layout;
    let uploaded = form::read(body, headers, layout, Filenames::PercentEncoded, &mut KeepBlocks(state)).await;
    let Some(uploaded) = uploaded else { return failure("unexpected EOF") };
    let mut inner = state.inner();
    inner.requests[number].complete = true;
    let cid = uploaded.link.cid;
    pin(&mut inner.pins, &cid, name);
    if let Some(pin) = inner.pins.get(&cid.to_string()) {
        (pin.size, pin.is_dir) = (Some(uploaded.link.content_bytes), uploaded.is_dir);
    }
    let below = uploaded.is_dir.then(|| json!({ "Name": format!("{}/a", uploaded.root), "Hash": "bafkqaaa" }));
    let root = json!({ "Name": uploaded.root, "Hash": cid.to_string(), "Size": "1" });
    Reply::lines(below.into_iter().chain([root]).collect())
}

async fn import<S>(state: &State, headers: &HeaderMap, body: S, number: usize) -> Reply
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let Some(root) = form::read_archive(body, headers, &mut KeepBlocks(state)).await else {
        return failure("unexpected EOF");
    };
    let mut inner = state.inner();
    inner.requests[number].complete = true;
    pin(&mut inner.pins, &root, "");
    Reply::lines(vec![json!({ "Root": { "Cid": { "/": root.to_string() }, "PinErrorMsg": "" } })])
}

fn list(state: &State) -> Reply {
    let mut inner = state.inner();
    let inner = &mut *inner;
    let rows = inner.pins.all().iter().map(|pin| row(&pin.cid, pin.name.as_deref())).collect();
    if let Some(change) = &mut inner.between_pages {
        change(&mut inner.pins, 0);
    }
    Reply::lines(rows)
}

fn about(state: &State, path: &str, argument: &str) -> Reply {
    let answer = match path.trim_start_matches("/api/v0/") {
        "files/stat" => {
            let mut inner = state.inner();
            let Some(pin) = inner.pins.get(argument.trim_start_matches("/ipfs/")) else {
                return failure(&format!("block was not found locally (offline): ipld: could not find {argument}"));
            };
            let kind = if pin.is_dir { "directory" } else { "file" };
            json!({ "Hash": pin.cid, "Size": pin.size.filter(|_| !pin.is_dir).unwrap_or(0), "Type": kind })
        }
        "id" => json!({ "ID": PEER, "Addresses": [
            format!("/ip4/127.0.0.1/tcp/4001/p2p/{PEER}"),
            format!("/ip4/203.0.113.7/tcp/4001/p2p/{PEER}"),
        ] }),
        "repo/stat" => {
            let used: u64 = state.inner().pins.all().iter().filter_map(|pin| pin.size).sum();
            json!({ "RepoSize": used, "StorageMax": 10_000_000_000_u64 })
        }
        "swarm/connect" => json!({ "Strings": [format!("connect {PEER} success")] }),
        _ => json!({ "Key": argument, "Value": null }),
    };
    Reply::json(StatusCode::OK, answer)
}

//! The API's calls, and what a fault makes of their answers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use holdfast_content::{Cid, FileImporter};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Call, Fault, KeepBlocks, Recorded, State, Totals, UnderWay, form};

type Answer = (StatusCode, Value);

/// Answers one request; an error closes the connection without an answer.
pub(super) async fn answer(state: Arc<State>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let call = call_of(&head.method, head.uri.path());
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let number = {
        let mut inner = state.inner();
        inner.requests.push(Recorded {
            call,
            line: format!("{} {}", head.method, head.uri),
            headers: headers.collect(),
            body_bytes: 0,
            complete: false,
        });
        inner.requests.len() - 1
    };
    let body = Received { state: Arc::clone(&state), number, bytes: Arc::default() }.count(body).boxed();
    let Some(call) = call else {
        return Ok(reply(StatusCode::NOT_FOUND, &failure("no such route")));
    };
    let _under_way = UnderWay::begin(&state, call);
    let fault = state.fault_for(call);
    let body = match &fault {
        Some(Fault::Status { status, retry_after, message }) => {
            drain(body).await;
            let mut response = reply(StatusCode::from_u16(*status).map_err(io::Error::other)?, &failure(message));
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
            }
            return Ok(response);
        }
        Some(Fault::EchoesHeaders(status)) => {
            drain(body).await;
            let text = format!("You sent {:?}", state.inner().requests[number].headers);
            let echo = json!({ "status": text, "message": text, "data": { "id": text, "cid": text, "totals": text } });
            return Ok(reply(StatusCode::from_u16(*status).map_err(io::Error::other)?, &echo));
        }
        Some(Fault::WebPage(status)) => {
            drain(body).await;
            return page(*status, "<!doctype html><title>Welcome</title>");
        }
        Some(Fault::RedirectTo(address)) => {
            drain(body).await;
            let response = Response::builder().status(302).header(header::LOCATION, address);
            return response.body(Body::empty()).map_err(io::Error::other);
        }
        Some(Fault::StallAfter(bytes)) => {
            read_up_to(body, *bytes).await;
            return std::future::pending().await;
        }
        Some(Fault::ResetAfter(bytes)) => {
            read_up_to(body, *bytes).await;
            return Err(io::Error::other("asked to break the connection"));
        }
        Some(Fault::Held(released)) => {
            released.cancelled().await;
            body
        }
        Some(Fault::SlowBody { piece_pause }) => {
            let pause = *piece_pause;
            body.then(move |piece| async move {
                tokio::time::sleep(pause).await;
                piece
            })
            .boxed()
        }
        _ => body,
    };
    if call == Call::Block {
        return block(&state, head.uri.path(), matches!(fault, Some(Fault::WrongBytes)));
    }
    if !state.accepts(&head.headers) {
        drain(body).await;
        return Ok(reply(StatusCode::UNAUTHORIZED, &failure("You are not logged in")));
    }
    let (status, mut value) = act(&state, call, head.uri.path(), head.uri.query(), &head.headers, body, number).await;
    match fault {
        Some(Fault::TruncatedAnswer) => {
            let text = value.to_string();
            let half = text[..text.len() / 2].to_owned();
            return Response::builder()
                .status(status)
                .header(header::CONTENT_TYPE, "application/json")
                .body(half.into())
                .map_err(io::Error::other);
        }
        Some(Fault::ReplyLost) => return Err(io::Error::other("asked to lose the answer")),
        Some(Fault::ReplyHeld(released)) => released.cancelled().await,
        Some(Fault::WrongCid) => {
            let layout = state.inner().manners.layout;
            let mut other = FileImporter::new(layout);
            let mut kept = KeepBlocks(&state);
            other.push(b"other bytes", &mut kept)?;
            value["data"]["cid"] = other.finish(&mut kept)?.cid.to_string().into();
            value["data"]["root_hash"] = Value::Null;
        }
        Some(Fault::WrongRootHash) => value["data"]["root_hash"] = format!("1220{}", "00".repeat(32)).into(),
        _ => {}
    }
    Ok(reply(status, &value))
}

fn call_of(method: &Method, path: &str) -> Option<Call> {
    if path.starts_with("/ipfs/") {
        return Some(Call::Block);
    }
    match (method.as_str(), path.strip_prefix("/api")?) {
        ("GET", "/apiKeys/testAuthentication/") => Some(Call::Test),
        ("POST", "/pinning/") => Some(Call::Upload),
        ("POST", "/pinning/pinByHash") => Some(Call::Pin),
        ("GET", "/pinning/pins/") => Some(Call::List),
        ("GET", path) if path.strip_prefix("/pinning/").is_some_and(|id| !id.contains('/')) => Some(Call::Get),
        ("DELETE", path) if path.starts_with("/pinning/unpin/") => Some(Call::Unpin),
        _ => None,
    }
}

async fn act<S>(
    state: &State,
    call: Call,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: S,
    number: usize,
) -> Answer
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let id = path.rsplit('/').next().unwrap_or_default();
    match call {
        Call::Test => {
            drain(body).await;
            let message = "Congratulations! You are communicating with the Web3 IPFS API!";
            (StatusCode::OK, json!({ "message": message }))
        }
        Call::Upload => upload(state, headers, body, number).await,
        Call::Pin => pin(state, &collect(body).await),
        Call::Get => match state.inner().pins.get(id) {
            Some(pin) => (StatusCode::OK, success(pin.json())),
            None => (StatusCode::NOT_FOUND, failure("record not found")),
        },
        Call::List => list(state, query.unwrap_or_default()),
        Call::Block => (StatusCode::NOT_FOUND, failure("not a call of the API")),
        Call::Unpin => match state.inner().pins.get(id).filter(|pin| pin.pinned) {
            Some(pin) => {
                let before = pin.json();
                pin.unpin();
                (StatusCode::OK, success(before))
            }
            None => (StatusCode::NOT_FOUND, failure("record not found")),
        },
    }
}

/// The gateway's answer: one raw block.
fn block(state: &State, path: &str, is_wrong: bool) -> io::Result<Response<Body>> {
    let cid = path.strip_prefix("/ipfs/").and_then(|text| Cid::try_from(text).ok());
    let found = cid.and_then(|cid| state.inner().blocks.as_ref()?.get(&cid).cloned());
    let Some(bytes) = found else { return Ok(reply(StatusCode::NOT_FOUND, &failure("no such block"))) };
    let bytes = if is_wrong { b"something else".to_vec() } else { bytes };
    let response = Response::builder().header(header::CONTENT_TYPE, "application/vnd.ipld.raw");
    response.body(bytes.into()).map_err(io::Error::other)
}

async fn upload<S>(state: &State, headers: &HeaderMap, body: S, number: usize) -> Answer
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let layout = state.inner().manners.layout;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(uploaded) = form::read(body, content_type, layout, &mut KeepBlocks(state)).await else {
        return (StatusCode::BAD_REQUEST, failure("Failed to get uploaded files"));
    };
    let mut inner = state.inner();
    inner.requests[number].complete = true;
    let manners = inner.manners.clone();
    if uploaded.has_empty_file && manners.refuses_empty {
        return (StatusCode::BAD_REQUEST, failure("Cannot pin empty file"));
    }
    let cid = uploaded.link.cid;
    let is_held = inner.pins.all().iter().any(|pin| pin.pinned && pin.cid == cid.to_string());
    if is_held && manners.refuses_duplicates {
        return (StatusCode::CONFLICT, failure("Pin with that hash already exists"));
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
    (StatusCode::CREATED, success(data))
}

fn pin(state: &State, body: &[u8]) -> Answer {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(cid) = asked["hash_to_pin"].as_str().and_then(|text| holdfast_content::Cid::try_from(text).ok()) else {
        return (StatusCode::BAD_REQUEST, failure("invalid cid: cid too short"));
    };
    let mut inner = state.inner();
    let is_held = inner.pins.all().iter().any(|pin| pin.pinned && pin.cid == cid.to_string());
    if is_held && inner.manners.refuses_duplicates {
        return (StatusCode::CONFLICT, failure("Pin with that hash already exists"));
    }
    let pin = inner.pins.add(&cid, asked["metadata"]["name"].as_str().unwrap_or_default());
    pin.keyvalues = asked["metadata"]["keyvalues"].as_object().cloned();
    pin.is_pin_by_hash = true;
    pin.pinned = false;
    pin.status = "RETRIEVAL".into();
    (StatusCode::OK, success(pin.json()))
}

fn list(state: &State, query: &str) -> Answer {
    let number = |name: &str, default: u64| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
    };
    let (offset, limit) = (number("offset", 0), number("limit", 10));
    let mut inner = state.inner();
    let inner = &mut *inner;
    let all = inner.pins.all();
    let rows = usize::try_from(limit.min(inner.manners.longest_page)).unwrap_or(usize::MAX);
    let page: Vec<Value> =
        all.iter().rev().skip(usize::try_from(offset).unwrap_or(usize::MAX)).take(rows).map(|pin| pin.json()).collect();
    let totals = match inner.manners.totals {
        Totals::Honest => json!({ "files": all.len(), "size": 0 }),
        Totals::Always(files) => json!({ "files": files, "size": 0 }),
        Totals::Absent => Value::Null,
    };
    let pins = if page.is_empty() { Value::Null } else { page.into() };
    if let Some(change) = &mut inner.between_pages {
        change(&mut inner.pins, offset);
    }
    (StatusCode::OK, success(json!({ "totals": totals, "pins": pins })))
}

fn success(data: Value) -> Value {
    json!({ "data": data, "status": "success" })
}

fn failure(message: &str) -> Value {
    json!({ "status": "fail", "message": message })
}

fn reply(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn page(status: u16, html: &'static str) -> io::Result<Response<Body>> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "text/html; charset=utf-8");
    response.body(html.into()).map_err(io::Error::other)
}

struct Received {
    state: Arc<State>,
    number: usize,
    bytes: Arc<AtomicU64>,
}

impl Received {
    /// The body's bytes, each counted in the record of the request.
    fn count(self, body: Incoming) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
        Body::new(body).into_data_stream().map(move |piece| {
            let piece = piece.map_err(io::Error::other)?;
            let bytes = self.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed) + piece.len() as u64;
            self.state.inner().requests[self.number].body_bytes = bytes;
            Ok(piece)
        })
    }
}

async fn drain(mut body: impl Stream<Item = io::Result<Bytes>> + Unpin) {
    while let Some(Ok(_)) = body.next().await {}
}

async fn collect(mut body: impl Stream<Item = io::Result<Bytes>> + Unpin) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(Ok(piece)) = body.next().await {
        all.extend_from_slice(&piece);
    }
    all
}

async fn read_up_to(mut body: impl Stream<Item = io::Result<Bytes>> + Unpin, bytes: u64) {
    let mut read = 0;
    while read < bytes {
        match body.next().await {
            Some(Ok(piece)) => read += piece.len() as u64,
            _ => return,
        }
    }
}

//! Requests as they arrive, and what a fault makes of their answers, whatever the API.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    body::Body,
    http::{Method, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use holdfast_content::{Cid, FileImporter};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Api, Call, Fault, KeepBlocks, Recorded, State, UnderWay, aioz, psa};

/// What an API answers when nothing is wrong.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: ReplyBody,
}

/// The forms of answers.
pub(super) enum ReplyBody {
    /// One JSON value.
    Json(Value),
    /// None.
    Nothing,
}

impl Reply {
    pub(super) const fn json(status: StatusCode, value: Value) -> Self {
        Self { status, body: ReplyBody::Json(value) }
    }

    pub(super) const fn empty(status: StatusCode) -> Self {
        Self { status, body: ReplyBody::Nothing }
    }

    fn text(&self) -> String {
        match &self.body {
            ReplyBody::Json(value) => value.to_string(),
            ReplyBody::Nothing => String::new(),
        }
    }

    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.text()));
        *response.status_mut() = self.status;
        if !matches!(self.body, ReplyBody::Nothing) {
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        }
        response
    }
}

/// The part of an answer that depends on the API.
impl Api {
    fn call_of(self, method: &Method, path: &str) -> Option<Call> {
        if path.starts_with("/ipfs/") {
            return Some(Call::Block);
        }
        match self {
            Self::Aioz => aioz::call_of(method, path),
            Self::Psa => psa::call_of(method, path),
        }
    }

    fn failure(self, status: StatusCode, message: &str) -> Reply {
        match self {
            Self::Aioz => Reply::json(status, aioz::failure(message)),
            Self::Psa => psa::failure(status, message),
        }
    }

    /// Makes an answer name the CID of other bytes.
    fn name_other_cid(self, reply: &mut Reply, other: &Cid) {
        match (self, &mut reply.body) {
            (Self::Aioz, ReplyBody::Json(answer)) => aioz::name_other_cid(answer, other),
            (Self::Psa, ReplyBody::Json(answer)) => answer["pin"]["cid"] = other.to_string().into(),
            (_, ReplyBody::Nothing) => {}
        }
    }
}

/// Answers one request; an error closes the connection without an answer.
pub(super) async fn answer(state: Arc<State>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let (api, call) = (state.api, state.api.call_of(&head.method, head.uri.path()));
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
        return Ok(api.failure(StatusCode::NOT_FOUND, "no such route").into_response());
    };
    let _under_way = UnderWay::begin(&state, call);
    let fault = state.fault_for(call);
    let body = match &fault {
        Some(Fault::Status { status, retry_after, message }) => {
            drain(body).await;
            let status = StatusCode::from_u16(*status).map_err(io::Error::other)?;
            let mut response = api.failure(status, message).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
            }
            return Ok(response);
        }
        Some(Fault::EchoesHeaders(status)) => {
            drain(body).await;
            let text = format!("You sent {:?}", state.inner().requests[number].headers);
            let echo = json!({ "status": text, "message": text, "data": { "id": text, "cid": text, "totals": text } });
            let status = StatusCode::from_u16(*status).map_err(io::Error::other)?;
            return Ok(Reply::json(status, echo).into_response());
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
        return Ok(api.failure(StatusCode::UNAUTHORIZED, "You are not logged in").into_response());
    }
    let mut reply = match api {
        Api::Aioz => aioz::act(&state, call, head.uri.path(), head.uri.query(), &head.headers, body, number).await,
        Api::Psa => psa::act(&state, call, head.uri.path(), head.uri.query(), body).await,
    };
    match fault {
        Some(Fault::TruncatedAnswer) => {
            let text = reply.text();
            let half = text[..text.len() / 2].to_owned();
            return Response::builder()
                .status(reply.status)
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
            api.name_other_cid(&mut reply, &other.finish(&mut kept)?.cid);
        }
        Some(Fault::WrongRootHash) => {
            if let ReplyBody::Json(answer) = &mut reply.body {
                answer["data"]["root_hash"] = format!("1220{}", "00".repeat(32)).into();
            }
        }
        _ => {}
    }
    Ok(reply.into_response())
}

/// The gateway's answer: one raw block.
fn block(state: &State, path: &str, is_wrong: bool) -> io::Result<Response<Body>> {
    let cid = path.strip_prefix("/ipfs/").and_then(|text| Cid::try_from(text).ok());
    let found = cid.and_then(|cid| state.inner().blocks.as_ref()?.get(&cid).cloned());
    let Some(bytes) = found else {
        return Ok(state.api.failure(StatusCode::NOT_FOUND, "no such block").into_response());
    };
    let bytes = if is_wrong { b"something else".to_vec() } else { bytes };
    let response = Response::builder().header(header::CONTENT_TYPE, "application/vnd.ipld.raw");
    response.body(bytes.into()).map_err(io::Error::other)
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

pub(super) async fn drain(mut body: impl Stream<Item = io::Result<Bytes>> + Unpin) {
    while let Some(Ok(_)) = body.next().await {}
}

pub(super) async fn collect(mut body: impl Stream<Item = io::Result<Bytes>> + Unpin) -> Vec<u8> {
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

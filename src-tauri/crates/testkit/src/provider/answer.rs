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
    http::{Method, Request, Response, StatusCode, Uri, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use holdfast_content::{Cid, FileImporter};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{
    Api, Call, Fault, KeepBlocks, Recorded, State, UnderWay, aioz, bad_answer, cluster, kubo, psa,
    reply::{Reply, ReplyBody, drain},
};

/// Stands before the path that [`Fault::Moved`] leads to.
const MOVED: &str = "/moved";

/// The part of an answer that depends on the API.
impl Api {
    fn call_of(self, method: &Method, uri: &Uri) -> Option<Call> {
        let path = uri.path();
        if path.starts_with("/ipfs/") {
            return Some(Call::Block);
        }
        match self {
            Self::Aioz => aioz::call_of(method, path),
            Self::Kubo => kubo::call_of(method, uri),
            Self::Cluster => cluster::call_of(method, path),
            Self::Psa => psa::call_of(method, path),
        }
    }

    fn failure(self, status: StatusCode, message: &str) -> Reply {
        match self {
            Self::Aioz => Reply::json(status, aioz::failure(message)),
            Self::Kubo if status == StatusCode::UNAUTHORIZED => kubo::denied(),
            Self::Kubo => Reply::json(status, kubo::failure_of(message)),
            Self::Cluster => cluster::failure(status, message),
            Self::Psa => psa::failure(status, message),
        }
    }

    /// Makes an answer name the CID of other bytes.
    fn name_other_cid(self, reply: &mut Reply, other: &Cid) {
        match (self, &mut reply.body) {
            (Self::Aioz, ReplyBody::Json(answer)) => aioz::name_other_cid(answer, other),
            (Self::Kubo, ReplyBody::Lines(lines, _)) => kubo::name_other_cid(lines, other),
            (Self::Cluster, ReplyBody::Json(answer)) => cluster::name_other_cid(answer, other),
            (Self::Cluster, ReplyBody::Lines(lines, _)) => {
                lines.iter_mut().for_each(|line| cluster::name_other_cid(line, other));
            }
            (Self::Psa, ReplyBody::Json(answer)) => answer["pin"]["cid"] = other.to_string().into(),
            _ => {}
        }
    }

    /// A line of a list that has no end, by its number.
    fn endless_line(self) -> Option<fn(u64) -> Value> {
        match self {
            Self::Kubo => Some(kubo::numbered_line),
            Self::Cluster => Some(cluster::numbered_line),
            Self::Aioz | Self::Psa => None,
        }
    }

    /// Makes a listing's answer one page of many.
    fn never_end(self, state: &State, reply: &mut Reply, query: Option<&str>, again_after: Option<u64>) {
        let query = query.unwrap_or_default();
        match (self, &mut reply.body) {
            (Self::Aioz, ReplyBody::Json(answer)) => aioz::never_end(state, answer, query, again_after),
            (Self::Psa, ReplyBody::Json(answer)) => psa::never_end(state, answer, query, again_after),
            _ => {}
        }
    }
}

/// Answers one request; an error closes the connection without an answer.
pub(super) async fn answer(state: Arc<State>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (mut head, body) = request.into_parts();
    let asked = head.uri.clone();
    while let Some(path) = head.uri.to_string().strip_prefix(MOVED) {
        head.uri = path.parse().map_err(io::Error::other)?;
    }
    let (api, call) = (state.api, state.api.call_of(&head.method, &head.uri));
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let number = {
        let mut inner = state.inner();
        inner.requests.push(Recorded {
            call,
            line: format!("{} {asked}", head.method),
            headers: headers.collect(),
            body_bytes: 0,
            complete: false,
            answer_bytes: None,
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
        Some(Fault::StatusWith { status, headers, message }) => {
            drain(body).await;
            let status = StatusCode::from_u16(*status).map_err(io::Error::other)?;
            let mut response = api.failure(status, message).into_response();
            for (name, value) in *headers {
                response.headers_mut().insert(*name, header::HeaderValue::from_static(value));
            }
            return Ok(response);
        }
        Some(Fault::Moved(status)) => {
            drain(body).await;
            let response = Response::builder().status(*status).header(header::LOCATION, format!("{MOVED}{asked}"));
            return response.body(Body::empty()).map_err(io::Error::other);
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
        Some(Fault::RedirectTo(status, address)) => {
            drain(body).await;
            let response = Response::builder().status(*status).header(header::LOCATION, address);
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
        Some(Fault::SlowBody { piece_pause: pause } | Fault::Trickle { pause, .. }) => {
            let pause = *pause;
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
        Api::Kubo => kubo::act(&state, call, &head.uri, &head.headers, body, number).await,
        Api::Cluster => cluster::act(&state, call, &head.uri, &head.headers, body, number).await,
        Api::Psa => psa::act(&state, call, head.uri.path(), head.uri.query(), body).await,
    };
    match fault {
        Some(Fault::TruncatedAnswer) => {
            let text = reply.text();
            let half = &text[..text.len() / 2];
            // An answer of lines that ends with one of them looks whole.
            let half = half.strip_suffix("}\n").unwrap_or(half).to_owned();
            return Response::builder()
                .status(reply.status)
                .header(header::CONTENT_TYPE, "application/json")
                .body(half.into())
                .map_err(io::Error::other);
        }
        Some(Fault::EndlessPages { again_after }) => match (api.endless_line(), &reply.body) {
            (Some(line), ReplyBody::Lines(..)) => {
                return bad_answer::endless(move |number| {
                    line(again_after.map_or(number, |again| number % again.max(1)))
                });
            }
            _ => api.never_end(&state, &mut reply, head.uri.query(), again_after),
        },
        Some(Fault::EmptyAnswer) => return Ok(Response::new(Body::empty())),
        Some(Fault::AnswerStalls(bytes)) => return bad_answer::stalling(&reply, bytes),
        Some(Fault::Trickle { bytes, pause }) => return bad_answer::trickling(&reply, bytes, pause),
        Some(Fault::HugeAnswer(bytes)) => return bad_answer::huge(&state, number, bytes),
        Some(Fault::WrongTypes) => match &mut reply.body {
            ReplyBody::Json(answer) => bad_answer::mistype(answer),
            ReplyBody::Lines(lines, _) => lines.iter_mut().for_each(bad_answer::mistype),
            ReplyBody::Nothing => {}
        },
        Some(Fault::ReplyLost) => return Err(io::Error::other("asked to lose the answer")),
        Some(Fault::ReplyHeld(released)) => released.cancelled().await,
        Some(fault @ (Fault::WrongCid | Fault::WrongDag)) => {
            let layout = state.inner().manners.layout;
            let bytes = b"other bytes".repeat(if matches!(fault, Fault::WrongDag) { 10_000 } else { 1 });
            let mut other = FileImporter::new(layout);
            let mut kept = KeepBlocks(&state);
            other.push(&bytes, &mut kept)?;
            api.name_other_cid(&mut reply, &other.finish(&mut kept)?.cid);
        }
        Some(Fault::WrongRootHash) => {
            if let ReplyBody::Json(answer) = &mut reply.body {
                answer["data"]["root_hash"] = format!("1220{}", "00".repeat(32)).into();
            }
        }
        Some(Fault::HalfTheLines) => {
            if let ReplyBody::Lines(lines, _) = &mut reply.body {
                lines.truncate(lines.len() / 2);
            }
        }
        Some(Fault::BrokenOff(message)) => match &mut reply.body {
            ReplyBody::Lines(lines, failure) => {
                lines.truncate(lines.len() / 2);
                *failure = Some(message.into());
            }
            _ => reply = api.failure(StatusCode::INTERNAL_SERVER_ERROR, message),
        },
        Some(Fault::FailureAmongLines(message)) => {
            let failure = api.failure(StatusCode::INTERNAL_SERVER_ERROR, message);
            match (&mut reply.body, failure.body) {
                (ReplyBody::Lines(lines, _), ReplyBody::Json(failure)) => lines.insert(lines.len() / 2, failure),
                (_, body) => reply = Reply { status: failure.status, body },
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

async fn read_up_to(mut body: impl Stream<Item = io::Result<Bytes>> + Unpin, bytes: u64) {
    let mut read = 0;
    while read < bytes {
        match body.next().await {
            Some(Ok(piece)) => read += piece.len() as u64,
            _ => return,
        }
    }
}

//! What an API answers when nothing is wrong, and the reading of what it is asked.

use std::io;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::Value;

/// What an API answers when nothing is wrong.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: ReplyBody,
}

/// The forms of answers.
pub(super) enum ReplyBody {
    /// One JSON value.
    Json(Value),
    /// One JSON value a line, and why the answer was broken off.
    Lines(Vec<Value>, Option<String>),
    /// None.
    Nothing,
}

impl Reply {
    pub(super) const fn json(status: StatusCode, value: Value) -> Self {
        Self { status, body: ReplyBody::Json(value) }
    }

    pub(super) const fn lines(lines: Vec<Value>) -> Self {
        Self { status: StatusCode::OK, body: ReplyBody::Lines(lines, None) }
    }

    pub(super) fn lines_and_failure(lines: Vec<Value>, message: &str) -> Self {
        Self { status: StatusCode::OK, body: ReplyBody::Lines(lines, Some(message.into())) }
    }

    pub(super) const fn empty(status: StatusCode) -> Self {
        Self { status, body: ReplyBody::Nothing }
    }

    pub(super) fn text(&self) -> String {
        match &self.body {
            ReplyBody::Json(value) => value.to_string(),
            ReplyBody::Lines(lines, _) => lines.iter().map(|line| format!("{line}\n")).collect(),
            ReplyBody::Nothing => String::new(),
        }
    }

    /// The body, in which trailers may follow.
    pub(super) fn to_body(&self) -> Body {
        let text = self.text();
        let ReplyBody::Lines(_, failure) = &self.body else { return text.into() };
        let mut trailers = HeaderMap::new();
        if let Some(value) = failure.as_deref().and_then(|message| HeaderValue::from_str(message).ok()) {
            trailers.insert("X-Stream-Error", value);
        }
        let frames = [Frame::data(Bytes::from(text)), Frame::trailers(trailers)];
        Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, io::Error>))))
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.to_body());
        *response.status_mut() = self.status;
        if matches!(self.body, ReplyBody::Lines(..)) {
            response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("X-Stream-Error"));
        }
        if !matches!(self.body, ReplyBody::Nothing) {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
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

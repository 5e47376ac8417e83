//! Answers that no client should wait for to their end, or believe.

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Response, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;

use super::{State, reply::Reply};

const PIECE_BYTES: usize = 64 * 1024;

/// Between two lines of an answer that has no end.
const LINE_PAUSE: Duration = Duration::from_millis(1);

/// An answer of which so many bytes come, and then nothing.
pub(super) fn stalling(reply: &Reply, bytes: usize) -> io::Result<Response<Body>> {
    let mut text = Bytes::from(reply.text());
    text.truncate(bytes);
    of(reply.status.as_u16(), stream::iter([text]).chain(stream::pending()))
}

/// An answer that comes a few bytes at a time.
pub(super) fn trickling(reply: &Reply, bytes: usize, pause: Duration) -> io::Result<Response<Body>> {
    let text = Bytes::from(reply.text());
    let pieces: Vec<Bytes> = text.chunks(bytes.max(1)).map(Bytes::copy_from_slice).collect();
    let slowly = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        piece
    });
    of(reply.status.as_u16(), slowly)
}

/// An answer of lines that go on and on, one at a time.
pub(super) fn endless(line: impl Fn(u64) -> Value + Send + 'static) -> io::Result<Response<Body>> {
    let lines = stream::iter(0..).map(move |number| Bytes::from(format!("{}\n", line(number))));
    let slowly = lines.then(|line| async {
        tokio::time::sleep(LINE_PAUSE).await;
        line
    });
    of(200, slowly)
}

/// A JSON array of so many bytes; what is taken of it is noted with the request.
pub(super) fn huge(state: &Arc<State>, number: usize, bytes: u64) -> io::Result<Response<Body>> {
    let (state, piece) = (Arc::clone(state), Bytes::from("[],".repeat(PIECE_BYTES / 3)));
    let start = stream::iter([Bytes::from_static(b"[")]);
    let pieces = usize::try_from(bytes / piece.len() as u64).unwrap_or(usize::MAX);
    let middle = stream::repeat(piece).take(pieces).inspect(move |piece| {
        *state.inner().requests[number].answer_bytes.get_or_insert_default() += piece.len() as u64;
    });
    of(200, start.chain(middle).chain(stream::iter([Bytes::from_static(b"[]]")])))
}

fn of(status: u16, pieces: impl Stream<Item = Bytes> + Send + 'static) -> io::Result<Response<Body>> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from_stream(pieces.map(Ok::<_, io::Error>))).map_err(io::Error::other)
}

/// Makes texts numbers, numbers and truth values texts, and lists objects, everywhere below the top.
pub(super) fn mistype(answer: &mut Value) {
    match answer {
        Value::Object(members) => members.values_mut().for_each(mistype),
        Value::Array(rows) => *answer = Value::Object([("rows".to_owned(), rows.len().into())].into_iter().collect()),
        Value::String(text) => *answer = text.len().into(),
        Value::Number(_) | Value::Bool(_) => *answer = "other".into(),
        Value::Null => {}
    }
}

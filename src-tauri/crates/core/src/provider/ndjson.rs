//! Answers of one JSON value a line, which Kubo and IPFS Cluster write while they work.
//!
//! Such an answer begins before the work has ended, even before the request's body was read. What goes wrong then is told
//! in a trailer, or in a line of its own; the mere end of the answer is success only without either.

use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use reqwest::{Body, RequestBuilder, StatusCode, header::HeaderMap};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Gap, ListPage, Pages, ProviderError,
    http::{self, Http, Sending},
    paging::Rows,
};
use crate::pin::ProviderPin;

/// Pins with long metadata on many peers stay well below.
const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// Rows of a page that is handed on.
const PAGE_ROWS: usize = 1_000;

/// Rows after which a list counts as endless.
const MAX_ROWS: usize = 5_000_000;

/// The trailer of an answer that began well.
const STREAM_ERROR: &str = "X-Stream-Error";

/// The lines of an answer, as they come.
pub(super) struct Lines<'a> {
    http: &'a Http,
    body: Body,
    sending: Option<Sending>,
    received: BytesMut,
    /// It says that it is JSON, or has a line: not every answer that says nothing is a list of nothing.
    is_told: bool,
    has_ended: bool,
}

impl<'a> Lines<'a> {
    /// Sends a request and gives the lines of its answer.
    pub(super) async fn ask(
        http: &'a Http,
        request: RequestBuilder,
        sending: Option<Sending>,
    ) -> Result<Self, ProviderError> {
        // Some servers send no trailers to who does not ask for them (RFC 9110, section 6.5.1).
        let request = request.header(reqwest::header::TE, "trailers");
        let response = http.answer(request, sending.as_ref()).await?;
        let is_told = response.status() == StatusCode::NO_CONTENT
            || http::content_type(&response).is_some_and(|kind| kind.contains("json"));
        let received = BytesMut::new();
        Ok(Self { http, body: response.into(), sending, received, is_told, has_ended: false })
    }

    /// The next line's value, `None` at the end. The inner error is about this line alone; after the outer one there is no
    /// more.
    pub(super) async fn next<T: DeserializeOwned>(
        &mut self,
    ) -> Result<Option<Result<T, ProviderError>>, ProviderError> {
        let line = match self.line().await? {
            Some(line) => line,
            None if self.is_told => return Ok(None),
            None => return http::parse(b"").map(|nothing| Some(Ok(nothing))),
        };
        self.is_told = true;
        let line = self.http.without_credentials(line);
        if [&br#"{"Message""#[..], br#"{"Code""#, br#"{"code""#].iter().any(|start| line.starts_with(start)) {
            failure(&line)?;
        }
        let error = match serde_json::from_slice(&line) {
            Ok(value) => return Ok(Some(Ok(value))),
            Err(error) => error,
        };
        failure(&line)?;
        // What is no JSON at all ends the answer; what is another value than expected does not.
        http::parse::<Value>(&line)?;
        let reason = format!("a line of the answer is not what the API says ({error})");
        Ok(Some(Err(ProviderError::Protocol { reason })))
    }

    async fn line(&mut self) -> Result<Option<Vec<u8>>, ProviderError> {
        let mut searched = 0;
        // When the first bytes of the line came, and what was taken of the request by then.
        let mut begun: Option<(Instant, Option<u64>)> = None;
        loop {
            if let Some(end) = self.received[searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.received.split_to(searched + end + 1);
                searched = 0;
                if !line.trim_ascii().is_empty() {
                    return Ok(Some(line.to_vec()));
                }
                continue;
            }
            if self.has_ended {
                let rest = self.received.split();
                return Ok(Some(rest.to_vec()).filter(|rest| !rest.trim_ascii().is_empty()));
            }
            searched = self.received.len();
            if searched > MAX_LINE_BYTES {
                return Err(ProviderError::Protocol { reason: "a line of the answer is too long".into() });
            }
            if begun.is_some_and(|(since, _)| since.elapsed() > self.http.longest_line()) {
                return Err(http::silent());
            }
            self.receive().await?;
            let taken = self.sending.as_ref().map(Sending::taken_bytes);
            // Its time begins anew when more of the request is taken.
            begun = begun.filter(|(_, before)| *before == taken).or_else(|| Some((Instant::now(), taken)));
        }
    }

    /// Takes what comes next.
    async fn receive(&mut self) -> Result<(), ProviderError> {
        let frame = self.http.sign_of_life(self.sending.as_ref(), self.body.frame()).await?;
        let Some(frame) = frame else {
            self.has_ended = true;
            return Ok(());
        };
        let frame = frame.map_err(|error| http::broken(&error))?;
        match frame.into_data() {
            Ok(data) => self.received.extend_from_slice(&data),
            Err(frame) => {
                if let Some(message) = frame.trailers_ref().and_then(stream_error) {
                    let message = self.http.without_credentials(message.into_bytes());
                    return Err(broken_off(String::from_utf8_lossy(&message).into_owned()));
                }
            }
        }
        Ok(())
    }
}

/// Goes through a list of lines, in pages; `pin` gives nothing for lines that say nothing.
pub(super) fn pages<'a, T: DeserializeOwned + Send + 'a>(
    http: &'a Http,
    request: RequestBuilder,
    pin: fn(T) -> Option<Result<ProviderPin, ProviderError>>,
) -> Pages<'a> {
    let begin = Course { request: Some(request), lines: None, rows: 0 };
    let pages = stream::try_unfold(begin, move |mut course| async move {
        if let Some(request) = course.request.take() {
            course.lines = Some(Lines::ask(http, request, None).await?);
        }
        let Some(mut lines) = course.lines.take() else { return Ok(None) };
        let mut rows = Vec::new();
        while rows.len() < PAGE_ROWS {
            match lines.next::<T>().await? {
                Some(Ok(row)) => rows.push(pin(row)),
                Some(Err(error)) => rows.push(Some(Err(error))),
                None => {
                    // Whoever passes the answer on may end it where it broke off.
                    let page = page_of(rows, Some(Gap::Unended));
                    return Ok(Some((page, Course { request: None, lines: None, rows: course.rows })));
                }
            }
        }
        let rows_before = course.rows + rows.len();
        if rows_before > MAX_ROWS {
            return Err(ProviderError::Protocol { reason: "its list of pins has no end".into() });
        }
        Ok(Some((page_of(rows, None), Course { request: None, lines: Some(lines), rows: rows_before })))
    });
    pages.boxed()
}

/// How far a list was read.
struct Course<'a> {
    request: Option<RequestBuilder>,
    lines: Option<Lines<'a>>,
    rows: usize,
}

fn page_of(rows: Vec<Option<Result<ProviderPin, ProviderError>>>, gap: Option<Gap>) -> ListPage {
    let Rows { pins, not_understood, .. } = Rows::of(rows);
    ListPage { pins, not_understood, gap }
}

/// An error in the place of a value.
fn failure(line: &[u8]) -> Result<(), ProviderError> {
    #[derive(Deserialize)]
    struct WireFailure {
        #[serde(alias = "Message")]
        message: String,
    }
    match serde_json::from_slice(line) {
        Ok(WireFailure { message }) => Err(broken_off(message)),
        Err(_) => Ok(()),
    }
}

fn stream_error(trailers: &HeaderMap) -> Option<String> {
    let texts = trailers.get_all(STREAM_ERROR).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let text = texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
    Some(text).filter(|text| !text.is_empty())
}

fn broken_off(message: String) -> ProviderError {
    ProviderError::from_status(500, None, Some(message))
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc, time::Duration};

    use bytes::Bytes;
    use futures_util::Stream;
    use serde::de::IgnoredAny;
    use url::Url;

    use super::*;
    use crate::{
        content::Progress,
        host::SystemClock,
        provider::http::{Sent, Timing},
        vault::Credentials,
    };

    /// Shorter than the longest silence.
    const PAUSE: Duration = Duration::from_secs(29);

    /// How many lines come of an answer, and what ends it, and when.
    async fn read(
        pieces: impl Stream<Item = &'static str> + Send + 'static,
        sending: Option<Sending>,
    ) -> (usize, Option<ProviderError>, Duration) {
        let base = Url::parse("http://127.0.0.1:5001").unwrap();
        let timing = Timing::new(Arc::new(SystemClock::default()));
        let http = Http::new(base, &Credentials::None, Sent::AsAuthorization, timing).unwrap();
        let body = Body::wrap_stream(pieces.map(|text| Ok::<_, Infallible>(Bytes::from(text))));
        let mut lines =
            Lines { http: &http, body, sending, received: BytesMut::new(), is_told: true, has_ended: false };
        let began = Instant::now();
        for count in 0.. {
            match lines.next::<IgnoredAny>().await {
                Ok(Some(line)) => drop(line.unwrap()),
                Ok(None) => return (count, None, began.elapsed()),
                Err(error) => return (count, Some(error), began.elapsed()),
            }
        }
        unreachable!("an answer has an end")
    }

    /// Each piece comes after a pause.
    fn slowly(pieces: impl Stream<Item = &'static str>) -> impl Stream<Item = &'static str> {
        pieces.then(|piece| async move {
            tokio::time::sleep(PAUSE).await;
            piece
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_trickles_comes_to_an_end() {
        for piece in [" ", "\n"] {
            let (lines, error, took) = read(slowly(stream::iter(["{}\n"]).chain(stream::repeat(piece))), None).await;
            assert_eq!(lines, 1);
            assert!(matches!(error, Some(ProviderError::Network { .. })), "{error:?}");
            assert!(took < Duration::from_secs(300), "{took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_come_whole_may_come_slowly() {
        let (lines, error, _) = read(slowly(stream::repeat("{}\n").take(100)), None).await;
        assert!(lines == 100 && error.is_none(), "{lines} {error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn as_long_as_bytes_of_the_request_are_taken_a_line_may_wait_for_its_end() {
        let progress = Progress::default();
        let sending = Sending::new(progress.clone(), 1_000);
        let pieces = stream::iter(["{"]).chain(stream::repeat(" ").take(100)).chain(stream::iter(["}\n"]));
        let taken = slowly(pieces).inspect(move |_| progress.add(1));
        let (lines, error, _) = read(taken, Some(sending)).await;
        assert!(lines == 1 && error.is_none(), "{error:?}");
    }
}

//! Reading answers: no longer than they may be, in bounded time, without credentials, and as what they are.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Response, StatusCode, header::CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{broken, silent};
use crate::provider::ProviderError;

/// A page of 1,000 pins with long metadata stays well below.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// What is read of an answer that only says what went wrong.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// How many times as long as a service may be silent its whole answer may take, or a line of one that has many: what trickles
/// must end as well.
const ANSWER_TAKES: u32 = 5;

/// No word of an API is that long.
const MIN_BYTES_TAKEN_OUT: usize = 12;

/// Where services put the number under which their support finds a request.
const REQUEST_IDS: [&str; 4] = ["x-request-id", "request-id", "cf-ray", "x-amz-request-id"];
const MAX_REQUEST_ID_CHARS: usize = 100;

/// What of a connection's answers may be kept and shown.
#[derive(Clone)]
pub(super) struct Reader {
    /// The texts that no answer may bring back.
    pub(super) secrets: Vec<SecretString>,
    /// The longest pause between two pieces of an answer.
    pub(super) silence: Duration,
}

impl Reader {
    /// The JSON of a 2xx answer, or what the answer means instead.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        response: Response,
        after: Option<Duration>,
    ) -> Result<T, ProviderError> {
        parse(&self.success(response, after).await?)
    }

    /// That the answer is a 2xx one, whatever it says, or what it means instead.
    pub(super) async fn done(&self, response: Response, after: Option<Duration>) -> Result<(), ProviderError> {
        self.success(response, after).await.map(drop)
    }

    /// The body of a 2xx answer that is no web page.
    async fn success(&self, response: Response, after: Option<Duration>) -> Result<Vec<u8>, ProviderError> {
        let response = self.promising(response, after).await?;
        let body = self.without_credentials(self.read(response).await?);
        if is_web_page(&body) { Err(web_page()) } else { Ok(body) }
    }

    /// The answer if its head promises a 2xx one that is no web page, or what it means instead.
    pub(super) async fn promising(
        &self,
        response: Response,
        after: Option<Duration>,
    ) -> Result<Response, ProviderError> {
        let status = response.status();
        if status.is_redirection() {
            return Err(ProviderError::NotAPinningApi {
                reason: format!("it redirects elsewhere (HTTP {})", status.as_u16()),
            });
        }
        let is_html = content_type(&response).is_some_and(|value| value.starts_with("text/html"));
        if !status.is_success() {
            return Err(self.failure(response, after, is_html).await);
        }
        if is_html { Err(web_page()) } else { Ok(response) }
    }

    async fn failure(&self, response: Response, after: Option<Duration>, is_html: bool) -> ProviderError {
        let status = response.status();
        // A failing gateway's page is the gateway's failure; a page for a client's error is somebody else's site.
        if is_html
            && status.is_client_error()
            && !matches!(
                status,
                StatusCode::UNAUTHORIZED
                    | StatusCode::PAYMENT_REQUIRED
                    | StatusCode::PAYLOAD_TOO_LARGE
                    | StatusCode::TOO_MANY_REQUESTS
            )
        {
            return ProviderError::NotAPinningApi {
                reason: format!("a web page came back (HTTP {})", status.as_u16()),
            };
        }
        let request_id = self.request_id(&response);
        // The status says enough where the message cannot be had.
        let body = if is_html { None } else { self.read_up_to(response, MAX_ERROR_BYTES).await.ok().flatten() };
        // In the message as it is shown: in JSON a secret may be written with escapes.
        let message = body.and_then(|body| message_of(&body)).map(|text| self.shown(text));
        ProviderError::from_status(status.as_u16(), after, message).with_request_id(request_id)
    }

    pub(super) fn longest_answer(&self) -> Duration {
        self.silence * ANSWER_TAKES
    }

    async fn read(&self, response: Response) -> Result<Vec<u8>, ProviderError> {
        let body = self.read_up_to(response, MAX_ANSWER_BYTES).await?;
        body.ok_or_else(|| ProviderError::Protocol { reason: "the answer is too long".into() })
    }

    /// The body, if it is no longer than `most` bytes; a longer one is not read to its end.
    async fn read_up_to(&self, response: Response, most: usize) -> Result<Option<Vec<u8>>, ProviderError> {
        if response.content_length().is_some_and(|bytes| bytes > most as u64) {
            return Ok(None);
        }
        let end = Instant::now() + self.longest_answer();
        let (mut body, mut pieces) = (Vec::new(), response.bytes_stream());
        loop {
            let next = timeout_at(end.min(Instant::now() + self.silence), pieces.next()).await;
            let Some(piece) = next.map_err(|_| silent())? else { return Ok(Some(body)) };
            let piece = piece.map_err(|error| broken(&error))?;
            if body.len() + piece.len() > most {
                return Ok(None);
            }
            body.extend_from_slice(&piece);
        }
    }

    fn request_id(&self, response: &Response) -> Option<String> {
        let headers = response.headers();
        let text = REQUEST_IDS.iter().find_map(|name| headers.get(*name)?.to_str().ok())?;
        let text = self.shown(text.into());
        let id: String = text.chars().filter(char::is_ascii_graphic).take(MAX_REQUEST_ID_CHARS).collect();
        (!id.is_empty()).then_some(id)
    }

    /// Services may repeat what they were sent; what is kept of an answer must not have it. A short password stays: it may be
    /// a word of the API.
    pub(super) fn without_credentials(&self, body: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&body);
        let is_there = |secret: &&SecretString| {
            secret.expose_secret().len() >= MIN_BYTES_TAKEN_OUT && text.contains(secret.expose_secret())
        };
        let there: Vec<_> = self.secrets.iter().filter(is_there).collect();
        if there.is_empty() {
            return body;
        }
        there.into_iter().fold(text.into_owned(), without).into_bytes()
    }

    /// A text of an answer as it may be shown.
    fn shown(&self, text: String) -> String {
        self.secrets.iter().fold(text, without)
    }
}

fn without(text: String, secret: &SecretString) -> String {
    text.replace(secret.expose_secret(), "…")
}

/// Reads the JSON of an answer that promised success.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProviderError> {
    if is_web_page(body) {
        return Err(web_page());
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => ProviderError::Network { reason: "the answer is cut short".into() },
        _ => ProviderError::Protocol { reason: format!("the answer is not what the API says ({error})") },
    })
}

fn is_web_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn web_page() -> ProviderError {
    ProviderError::NotAPinningApi { reason: "a web page came back".into() }
}

pub(crate) fn content_type(response: &Response) -> Option<&str> {
    response.headers().get(CONTENT_TYPE)?.to_str().ok()
}

/// The message in an error's body, in any of the shapes that pinning services use.
fn message_of(body: &[u8]) -> Option<String> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Some(String::from_utf8_lossy(body).into_owned());
    };
    let text = |value: &Value| value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
    let error = &value["error"];
    text(&value["message"])
        .or_else(|| text(&value["Message"]))
        .or_else(|| text(error))
        .or_else(|| match (text(&error["reason"]), text(&error["details"])) {
            (Some(reason), Some(details)) => Some(format!("{reason}: {details}")),
            (reason, details) => reason.or(details),
        })
        .or_else(|| text(&value["data"]))
}

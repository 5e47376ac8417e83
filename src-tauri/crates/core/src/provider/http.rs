//! The HTTP plumbing of all adapters: one client an account, answers read with limits, errors without URLs.

use std::{fmt, time::Duration};

use futures_util::StreamExt;
use reqwest::{
    Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::ProviderError;
use crate::{account::is_loopback, content::Progress, vault::Credentials};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two signs of life: bytes of the body taken, or bytes of the answer. There is no limit in all: an upload takes as
/// long as the line needs.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// How many times as long a service may be silent that has taken a whole upload and puts it away.
const STORING_TAKES: u32 = 15;
/// A page of 1,000 pins with long metadata stays well below.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A client for one account's endpoint. Follows no redirect, so that credentials go nowhere else.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    base: Url,
    credentials: HeaderMap,
    /// The texts that no answer may bring back.
    secrets: Vec<SecretString>,
    silence: Duration,
}

/// Where credentials stand in a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sent {
    /// A key and a secret in headers of these names.
    InHeaders {
        /// The key's header.
        key: &'static str,
        /// The secret's header.
        secret: &'static str,
    },
    /// A token or a login in the header `Authorization` (RFC 6750, RFC 7617).
    AsAuthorization,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Http {
    /// A client that shows `credentials` with every request and gives up after `silence`.
    pub(crate) fn new(
        base: Url,
        credentials: &Credentials,
        sent: Sent,
        silence: Duration,
    ) -> Result<Self, ProviderError> {
        let setup = |reason: String| ProviderError::Network { reason };
        let client = client_builder(&base).redirect(Policy::none()).build().map_err(|error| setup(reason(&error)))?;
        let request = client.get(base.clone());
        let (request, secrets) = match (credentials, sent) {
            (Credentials::None, _) => (request, vec![]),
            (Credentials::KeyAndSecret { key, secret }, Sent::InHeaders { key: key_name, secret: secret_name }) => {
                let request = request.header(key_name, key.expose_secret()).header(secret_name, secret.expose_secret());
                (request, vec![key, secret])
            }
            (Credentials::Token(token), Sent::AsAuthorization) => {
                (request.bearer_auth(token.expose_secret()), vec![token])
            }
            (Credentials::Login { user, password }, Sent::AsAuthorization) => {
                (request.basic_auth(user.expose_secret(), Some(password.expose_secret())), vec![password])
            }
            _ => return Err(ProviderError::Unsupported { what: "it takes no credentials of this form" }),
        };
        let request = request.build().map_err(|_| setup("the key has characters that no header can carry".into()))?;
        let mut secrets: Vec<SecretString> = secrets.into_iter().cloned().collect();
        let mut headers = request.headers().clone();
        for value in headers.values_mut() {
            value.set_sensitive(true);
            // What stands behind the word "Basic" is as good as the password.
            secrets.extend(value.to_str().ok().and_then(|text| text.rsplit(' ').next()).map(SecretString::from));
        }
        Ok(Self { client, base, credentials: headers, secrets, silence })
    }

    /// A request to `base` + `path`, with the credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        self.client.request(method, url).headers(self.credentials.clone())
    }

    /// Sends a request and reads the JSON of a 2xx answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ProviderError> {
        self.read_json(self.send(request, None).await?).await
    }

    /// The same for a request whose body of `content_bytes` takes its time; `progress` counts what was taken of it.
    pub(crate) async fn json_of_upload<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        progress: &Progress,
        content_bytes: u64,
    ) -> Result<T, ProviderError> {
        self.read_json(self.send(request, Some((progress, content_bytes))).await?).await
    }

    /// Sends a request whose 2xx answer need not say anything.
    pub(crate) async fn done(&self, request: RequestBuilder) -> Result<(), ProviderError> {
        self.read_success(self.send(request, None).await?).await.map(drop)
    }

    /// Sends a request, whose body may take its time, and gives the answer if its head promises success.
    pub(super) async fn answer(
        &self,
        request: RequestBuilder,
        body: Option<(&Progress, u64)>,
    ) -> Result<Response, ProviderError> {
        self.successful(self.send(request, body).await?).await
    }

    /// How long the service may be silent; longer once it has all of a body and puts it away.
    pub(super) fn silence(&self, body: Option<(&Progress, u64)>) -> Duration {
        let all_taken = body.is_some_and(|(progress, content_bytes)| progress.bytes() >= content_bytes);
        if all_taken { self.silence * STORING_TAKES } else { self.silence }
    }

    async fn successful(&self, response: Response) -> Result<Response, ProviderError> {
        let status = response.status();
        if status.is_redirection() {
            return Err(ProviderError::NotAPinningApi {
                reason: format!("it redirects elsewhere (HTTP {})", status.as_u16()),
            });
        }
        let after = retry_after(&response);
        let is_html = content_type(&response).is_some_and(|value| value.starts_with("text/html"));
        if !status.is_success() {
            let body = self.without_credentials(self.read_limited(response).await?);
            // A failing gateway's page is the gateway's failure; a page for a client's error is somebody else's site.
            if is_html
                && status.is_client_error()
                && !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS)
            {
                return Err(ProviderError::NotAPinningApi {
                    reason: format!("a web page came back (HTTP {})", status.as_u16()),
                });
            }
            let message = if is_html { None } else { message_of(&body) };
            return Err(ProviderError::from_status(status.as_u16(), after, message));
        }
        if is_html {
            return Err(web_page());
        }
        Ok(response)
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Result<T, ProviderError> {
        parse(&self.read_success(response).await?)
    }

    /// The body of a 2xx answer that is no web page.
    async fn read_success(&self, response: Response) -> Result<Vec<u8>, ProviderError> {
        let response = self.successful(response).await?;
        let body = self.without_credentials(self.read_limited(response).await?);
        if is_web_page(&body) { Err(web_page()) } else { Ok(body) }
    }

    async fn send(&self, request: RequestBuilder, body: Option<(&Progress, u64)>) -> Result<Response, ProviderError> {
        let mut sending = std::pin::pin!(request.send());
        let mut taken = body.map_or(0, |(progress, _)| progress.bytes());
        loop {
            match tokio::time::timeout(self.silence(body), &mut sending).await {
                Ok(response) => return response.map_err(|error| ProviderError::Network { reason: reason(&error) }),
                Err(_) => match body.map_or(0, |(progress, _)| progress.bytes()) {
                    now if now == taken => return Err(silent()),
                    now => taken = now,
                },
            }
        }
    }

    async fn read_limited(&self, response: Response) -> Result<Vec<u8>, ProviderError> {
        let mut body = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(piece) = tokio::time::timeout(self.silence, stream.next()).await.map_err(|_| silent())? {
            let piece = piece.map_err(|error| ProviderError::Network { reason: reason(&error) })?;
            if body.len() + piece.len() > MAX_ANSWER_BYTES {
                return Err(ProviderError::Protocol { reason: "the answer is too long".into() });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// Services may repeat what they were sent; what is kept and shown of an answer must not have it.
    pub(super) fn without_credentials(&self, body: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&body);
        if !self.secrets.iter().any(|secret| text.contains(secret.expose_secret())) {
            return body;
        }
        let clean = |text: String, secret: &SecretString| text.replace(secret.expose_secret(), "…");
        self.secrets.iter().fold(text.into_owned(), clean).into_bytes()
    }
}

/// What all clients have in common.
pub(crate) fn client_builder(base: &Url) -> ClientBuilder {
    install_crypto_provider();
    // The client library's own timeouts run while a body is sent, and would end every long upload.
    let builder = Client::builder()
        .user_agent(concat!("Holdfast/", env!("CARGO_PKG_VERSION")))
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT);
    // A proxy has no business between this computer and itself.
    if is_loopback(base) { builder.no_proxy() } else { builder }
}

/// Reads the JSON of an answer that promised success.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProviderError> {
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

pub(super) fn silent() -> ProviderError {
    ProviderError::Network { reason: "no answer in time".into() }
}

/// Makes ring the process's TLS provider, once.
fn install_crypto_provider() {
    // An error means that one is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
}

pub(crate) fn content_type(response: &Response) -> Option<&str> {
    response.headers().get(CONTENT_TYPE)?.to_str().ok()
}

pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
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

/// What went wrong with the connection, without the URL.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let kind = if error.is_connect() { "no connection" } else { "the connection broke" };
    match deepest.to_string() {
        text if text.contains("://") => kind.into(),
        text => format!("{kind} ({text})"),
    }
}

//! The HTTP plumbing of all adapters: one client an account, answers read with limits, errors without URLs.

mod answer;
mod client;
mod documented;
mod limits;
mod place;
mod redirect;
mod retry_after;
mod sending;
mod timing;

use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header::HeaderMap, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use self::answer::Reader;
use super::ProviderError;
use crate::vault::Credentials;

pub(crate) use answer::{content_type, parse};
pub(crate) use client::client_builder;
pub(crate) use documented::limits_of;
pub(crate) use limits::Limits;
pub(crate) use place::{is_near, is_this_computer};
pub(crate) use retry_after::retry_after;
pub(crate) use sending::Sending;
pub(crate) use timing::Timing;

/// How many times as long a service may be silent that has taken a whole upload and puts it away.
const STORING_TAKES: u32 = 30;

/// A page of a list is not asked for again when that would take longer than to wait for the whole list's next turn.
const LONGEST_PAGE_PAUSE: Duration = Duration::from_secs(60);

/// A client for one account's endpoint. Credentials go nowhere else.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    base: Url,
    /// Not wiped when they go: see [`crate::vault`].
    credentials: HeaderMap,
    reader: Reader,
    limits: Arc<Limits>,
    timing: Timing,
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
    /// A client that shows `credentials` with every request.
    pub(crate) fn new(base: Url, credentials: &Credentials, sent: Sent, timing: Timing) -> Result<Self, ProviderError> {
        let setup = |reason: String| ProviderError::Unreachable { reason };
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
        let limits = Arc::new(Limits::new(limits_of(&base), Arc::clone(&timing.clock)));
        let reader = Reader { secrets, silence: timing.silence };
        Ok(Self { client, base, credentials: headers, reader, limits, timing })
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

    /// The same for a request whose body takes its time.
    pub(crate) async fn json_of_upload<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        body: &Sending,
    ) -> Result<T, ProviderError> {
        self.read_json(self.send(request, Some(body)).await?).await
    }

    /// Sends a request whose 2xx answer need not say anything.
    pub(crate) async fn done(&self, request: RequestBuilder) -> Result<(), ProviderError> {
        let response = self.send(request, None).await?;
        let after = self.rest_if_asked(&response);
        self.reader.done(response, after).await
    }

    /// Reads the JSON of a page of a list. A page changes nothing and is asked for again a few times: a list of many pages
    /// would hardly ever come to its end otherwise. After a long silence nothing is asked for again.
    pub(crate) async fn json_of_page<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ProviderError> {
        let began = Instant::now();
        let (mut request, mut pauses) = (request, self.timing.page_pauses.iter());
        loop {
            let again = request.try_clone();
            let error = match self.json(request).await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            let may_pass = matches!(
                error,
                ProviderError::RateLimited { .. }
                    | ProviderError::Unavailable { .. }
                    | ProviderError::Unreachable { .. }
                    | ProviderError::Network { .. }
            );
            let (Some(next), Some(pause), true) = (again, pauses.next(), may_pass) else { return Err(error) };
            let pause = error.retry_after().unwrap_or_default().max(*pause);
            if pause > LONGEST_PAGE_PAUSE || began.elapsed() >= self.timing.silence {
                return Err(error);
            }
            tracing::debug!(%error, "a page is asked for again");
            self.timing.clock.sleep(pause).await;
            request = next;
        }
    }

    /// Sends a request, whose body may take its time, and gives the answer if its head promises success.
    pub(crate) async fn answer(
        &self,
        request: RequestBuilder,
        body: Option<&Sending>,
    ) -> Result<Response, ProviderError> {
        let response = self.send(request, body).await?;
        let after = self.rest_if_asked(&response);
        self.reader.promising(response, after).await
    }

    /// How long the service may be silent; longer once it has all of a body and puts it away.
    pub(crate) fn silence(&self, body: Option<&Sending>) -> Duration {
        self.timing.silence * if body.is_some_and(Sending::is_over) { STORING_TAKES } else { 1 }
    }

    /// How long a line of an answer may take from its first byte to its last, and from the last byte of a body that was taken
    /// meanwhile.
    pub(crate) fn longest_line(&self) -> Duration {
        self.reader.longest_answer()
    }

    /// Waits for a sign of life. As long as bytes of a body are taken, the service is not silent.
    pub(crate) async fn sign_of_life<T>(
        &self,
        body: Option<&Sending>,
        awaited: impl Future<Output = T>,
    ) -> Result<T, ProviderError> {
        let mut awaited = std::pin::pin!(awaited);
        let taken = || body.map_or(0, Sending::taken_bytes);
        loop {
            let before = taken();
            match tokio::time::timeout(self.silence(body), &mut awaited).await {
                Ok(came) => return Ok(came),
                Err(_) if taken() == before => return Err(silent()),
                Err(_) => {}
            }
        }
    }

    /// Bytes of an answer as they may be kept and shown.
    pub(crate) fn without_credentials(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.reader.without_credentials(bytes)
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Result<T, ProviderError> {
        let after = self.rest_if_asked(&response);
        self.reader.json(response, after).await
    }

    /// How long the service asks to wait; the account's next requests do, where it asks to slow down.
    fn rest_if_asked(&self, response: &Response) -> Option<Duration> {
        let after = retry_after(response.headers(), self.timing.clock.now());
        if let (StatusCode::TOO_MANY_REQUESTS, Some(after)) = (response.status(), after) {
            self.limits.rest_for(after);
        }
        after
    }

    async fn send(&self, request: RequestBuilder, body: Option<&Sending>) -> Result<Response, ProviderError> {
        let mut request = request.build().map_err(|error| broken(&error))?;
        let mut followed = 0;
        loop {
            self.limits.admit(request.method(), request.url().path()).await?;
            let repeatable = redirect::repeatable(&request).filter(|_| followed < redirect::MOST_REDIRECTS);
            let response =
                self.sign_of_life(body, self.client.execute(request)).await?.map_err(|error| broken(&error))?;
            let next = repeatable.and_then(|mut next| {
                *next.url_mut() = redirect::target(next.url(), &response)?;
                Some(next)
            });
            match next {
                Some(next) => (request, followed) = (next, followed + 1),
                None => return Ok(response),
            }
        }
    }
}

pub(crate) fn silent() -> ProviderError {
    ProviderError::Network { reason: "no answer in time".into() }
}

pub(crate) fn broken(error: &reqwest::Error) -> ProviderError {
    let reason = reason(error);
    if error.is_connect() { ProviderError::Unreachable { reason } } else { ProviderError::Network { reason } }
}

/// What went wrong with the connection, without the URL.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let causes = || std::iter::successors(Some(error as &dyn Error), |cause| (*cause).source());
    if causes().any(speaks_no_tls) {
        return "what answers at this port speaks no TLS; if it is the right one, its address begins with http://"
            .into();
    }
    let kind = if error.is_connect() { "no connection" } else { "the connection broke" };
    match causes().last().map(ToString::to_string).unwrap_or_default() {
        text if text.contains("://") => kind.into(),
        text => format!("{kind} ({text})"),
    }
}

/// What came first was no record of TLS.
fn speaks_no_tls(cause: &(dyn Error + 'static)) -> bool {
    use rustls::InvalidMessage::{InvalidContentType, UnknownProtocolVersion};
    // What an I/O error was made of is not among its sources.
    if let Some(inner) = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return speaks_no_tls(inner);
    }
    matches!(cause.downcast_ref(), Some(rustls::Error::InvalidMessage(InvalidContentType | UnknownProtocolVersion)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::SystemClock;

    #[test]
    fn every_header_with_a_secret_is_marked_as_one_and_shown_nowhere() {
        let secret = || SecretString::from("canary-of-a-secret");
        let in_headers = Sent::InHeaders { key: "pinning_api_key", secret: "pinning_secret_key" };
        for (credentials, sent, headers) in [
            (Credentials::KeyAndSecret { key: secret(), secret: secret() }, in_headers, 2),
            (Credentials::Token(secret()), Sent::AsAuthorization, 1),
            (Credentials::Login { user: secret(), password: secret() }, Sent::AsAuthorization, 1),
        ] {
            let base = Url::parse("http://127.0.0.1:1").unwrap();
            let http = Http::new(base, &credentials, sent, Timing::new(Arc::new(SystemClock::default()))).unwrap();
            let request = http.request(Method::GET, "/x").build().unwrap();
            let marked = request.headers().values().filter(|value| value.is_sensitive()).count();
            assert_eq!(marked, headers, "{credentials:?}");
            let shown = format!("{request:?} {:?} {http:?}", request.headers());
            assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
        }
    }
}

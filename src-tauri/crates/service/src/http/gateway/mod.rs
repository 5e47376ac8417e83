//! The gateway: what is held, as browsers and verifying clients want it
//! (<https://specs.ipfs.tech/http-gateways/>).
//!
//! `/ipfs/{cid}/{path}` answers with a file or a directory's list, with one raw block or with a CAR archive. A host
//! `{cid}.ipfs.localhost` is the same for one root, and there `_redirects` counts.
//!
//! **Content is not ours, and the API is on the same port.** So what a browser could run never shares the API's origin:
//!
//! - on an address or a name of the service, every file comes with `Content-Security-Policy: sandbox`: no scripts and no
//!   forms. On public names it has an origin that is nobody's; on this computer's own it keeps that of its address, so that
//!   the guard can tell its parts from those of foreign pages. A page that wants to be a service worker is refused;
//! - on `localhost`, files and lists are redirected to the host of their root, where a site works as its author meant it
//!   and the API does not exist. Blocks and archives are answered at once: browsers only save them, and programs need not
//!   know hosts below `localhost`;
//! - only blocks and archives of a public service may be read by pages of other origins (CORS): whoever asks for them checks
//!   them. Files may be shown elsewhere but not read. On `localhost` and loopback addresses pages of other origins get one
//!   answer whatever they ask for, before anything is looked up ([`guard`](super::guard)), so that none can find out by
//!   guessing what a person holds; only in a window of its own may anybody open an address.

mod answer;
mod car;
mod content_type;
mod error;
mod find;
mod format;
mod listing;
mod on_demand;
mod parameters;
mod range;
mod redirects;
mod stream;
mod wanted;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use answer::Answer;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use error::GatewayError;
use format::Format;
use holdfast_content::{Cid, CidTextError, cid_v1, parse_cid};
pub(crate) use on_demand::redirect;
use parameters::Parameters;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
pub(crate) use redirects::{Action, Redirects};
use tokio::{sync::Semaphore, time::timeout};
use wanted::Wanted;

use super::{
    Shared,
    shares::{Permit, Shares},
    throttle::Peer,
};
use crate::store::memory::Who;

/// How long a request waits until less is being read.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an answer takes: content that was read ahead, or a list.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What an address cannot have as it is.
const IN_ADDRESS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'`');

/// By this header Holdfast names the pin whose blocks it asks for one by one.
const ROOT: HeaderName = HeaderName::from_static("x-holdfast-root");

/// The longest label of a host name (RFC 1035).
const MAX_LABEL_BYTES: usize = 63;

/// What all requests to the gateway share.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// Answers that may hold content in memory, a few MiB each.
    answers: Arc<Semaphore>,
    max_answers: usize,
    /// So that a few who read slowly do not keep out everybody.
    by_peer: Shares<Option<IpAddr>>,
}

impl Gateway {
    /// A gateway that holds content of `max_answers` requests in memory.
    pub(crate) fn new(max_answers: usize) -> Self {
        Self { answers: Arc::new(Semaphore::new(max_answers)), max_answers, by_peer: Shares::new() }
    }

    async fn permit(&self, peer: Option<Peer>) -> Result<Permit, GatewayError> {
        let far = far(peer);
        let quarter = self.max_answers / 4;
        // This computer may be a proxy, which is everybody, but even so others come by themselves.
        let share = self.by_peer.of(far, if far.is_some() { quarter } else { self.max_answers - quarter });
        let both = async {
            // Of the share first: who waits for that must not hold what others could have. No semaphore is ever closed.
            let of_share = share.acquire_owned().await.ok()?;
            Some(Permit::new(Arc::clone(&self.answers).acquire_owned().await.ok()?, of_share))
        };
        timeout(PATIENCE, both).await.ok().flatten().ok_or_else(GatewayError::busy)
    }
}

/// `/ipfs/{cid}/{path}`
pub(crate) async fn serve(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let parameters = Parameters::parse(parts.uri.query());
    let mut uri = None;
    let answer = async {
        if parts.headers.get("service-worker").is_some() {
            return Err(GatewayError::bad_request("Content without an origin of its own has no service workers."));
        }
        if let Some(meant) = wanted::meant(parts.uri.path().strip_prefix("/ipfs/").unwrap_or_default()) {
            let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return moved(&format!("/ipfs/{meant}{query}"));
        }
        let wanted = Wanted::of_path(&parts.uri, &parts.headers, &parameters)?;
        uri = Some(wanted.uri());
        match host_of_its_own(&shared, &wanted, &parts)? {
            Some(location) => moved(&location),
            None => answer(&shared, wanted, &parameters, &parts).await,
        }
    };
    let answer = answer.await;
    finish(answer, uri)
}

fn moved(location: &str) -> Result<Response, GatewayError> {
    Ok((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, answer::address(location)?)]).into_response())
}

/// Everything on `{label}.ipfs.{name}`.
pub(crate) async fn serve_subdomain(shared: &Shared, label: &str, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return answer_preflight(shared, &parts.headers);
    }
    let parameters = Parameters::parse(parts.uri.query());
    let mut uri = None;
    let answer = async {
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Err(GatewayError::new(StatusCode::METHOD_NOT_ALLOWED, "Content can only be read."));
        }
        if label.len() > MAX_LABEL_BYTES {
            return Err(too_long_for_a_host());
        }
        // Host names have no case.
        let root = parse_cid(&label.to_ascii_lowercase());
        let root = root.map_err(|error| match error {
            CidTextError::WrongLength { .. } | CidTextError::CaseLost => {
                GatewayError::bad_request(format!("The host's first part is not a CID: {error}."))
            }
            _ => GatewayError::bad_request("The host's first part is not a CID."),
        })?;
        let wanted = Wanted::of_subdomain(root, &parts.uri, &parts.headers, &parameters)?;
        uri = Some(wanted.uri());
        answer(shared, wanted, &parameters, &parts).await
    };
    let answer = answer.await;
    finish(answer, uri)
}

/// What pages of other origins may ask for.
pub(crate) async fn preflight(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    answer_preflight(&shared, &headers)
}

fn answer_preflight(shared: &Shared, headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if is_public(shared, headers) {
        allow_reading(response.headers_mut());
    }
    response
}

fn is_public(shared: &Shared, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    shared.hosts.is_public(host)
}

async fn answer(
    shared: &Shared,
    wanted: Wanted,
    parameters: &Parameters,
    parts: &Parts,
) -> Result<Response, GatewayError> {
    let peer = peer_of(parts);
    let whose = Who::Peer(far(peer));
    let permit = shared.gateway.permit(peer).await?;
    let memory = shared.store.memory.wait_for(whose, ANSWER_BYTES).await;
    let permit = permit.with_memory(memory.map_err(|_| GatewayError::busy())?);
    let query = parts.uri.query().map(String::from);
    let part_of = part_of(&parts.headers);
    let found = shared.blocking(move |store| {
        let mut found = find::find(store, &wanted, query.as_deref(), whose);
        if let Err(error) = &found
            && let Some(missing) = error.missing_block()
        {
            for root in part_of.iter().chain([&wanted.root]) {
                store.blocks.suspect(root);
            }
            if store.blocks.is_set_aside(missing) {
                found = Err(GatewayError::damaged());
            }
        }
        (found, wanted, query)
    });
    let (found, wanted, query) = found.await.map_err(|_| GatewayError::failed())?;
    let headers = &parts.headers;
    let only_cached = headers.get(header::CACHE_CONTROL).is_some_and(|value| value.as_bytes() == b"only-if-cached");
    let found = match found {
        Err(error) if only_cached && error.is_not_found() => {
            return Err(GatewayError::new(StatusCode::PRECONDITION_FAILED, "This service does not hold it."));
        }
        found => found?,
    };
    let is_head = parts.method == Method::HEAD;
    let is_verifiable = wanted.format != Format::Web;
    let work = shared.work.clone();
    let is_public = is_public(shared, headers);
    let blocks = shared.store.blocks.clone();
    let answer = Answer { wanted: &wanted, parameters, headers, is_head, is_public, blocks, work, permit };
    let mut response = answer.respond(found, query.as_deref())?;
    if is_verifiable && is_public {
        allow_reading(response.headers_mut());
    }
    Ok(response)
}

/// The root to which the block belongs that is asked for by itself, as whoever asks says: which it is, no block tells.
fn part_of(headers: &HeaderMap) -> Option<Cid> {
    parse_cid(headers.get(ROOT)?.to_str().ok()?).ok()
}

/// Another computer, as far as one can be told from the next.
fn far(peer: Option<Peer>) -> Option<IpAddr> {
    peer.filter(|peer| !peer.0.to_canonical().is_loopback()).map(Peer::subscriber)
}

fn peer_of(parts: &Parts) -> Option<Peer> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| Peer(peer.0.ip()))
}

/// `uri` is the address of what was asked for, where that is known.
fn finish(answer: Result<Response, GatewayError>, uri: Option<String>) -> Response {
    let mut response = answer.unwrap_or_else(GatewayError::into_response);
    if let Some(Ok(uri)) = uri.map(HeaderValue::try_from) {
        response.headers_mut().insert("ipfs-uri", uri);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Where a browser that asked `localhost` finds the root on its own host.
fn host_of_its_own(shared: &Shared, wanted: &Wanted, parts: &Parts) -> Result<Option<String>, GatewayError> {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    if wanted.format != Format::Web || !name.eq_ignore_ascii_case("localhost") {
        return Ok(None);
    }
    let label = cid_v1(&wanted.root);
    if label.len() > MAX_LABEL_BYTES {
        return Err(too_long_for_a_host());
    }
    let below = parts.uri.path().strip_prefix("/ipfs/").and_then(|path| path.split_once('/'));
    let below = below.map_or("", |(_, below)| below);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Ok(Some(format!("{}://{label}.ipfs.localhost{port}/{below}{query}", shared.hosts.scheme.word())))
}

fn too_long_for_a_host() -> GatewayError {
    GatewayError::bad_request("CID incompatible with DNS label length limit of 63")
}

/// `/ipfs/?uri=ipfs://…`: where a browser leads addresses of that scheme.
pub(crate) async fn open_uri(uri: Uri) -> Response {
    let parameters = Parameters::parse(uri.query());
    let answer = parameters.get("uri").map_or_else(
        || Err(GatewayError::not_found("There is nothing at this address.")),
        |uri| {
            let path = uri.strip_prefix("ipfs://").filter(|path| {
                let root = path.split(['/', '?', '#']).next().unwrap_or_default();
                parse_cid(root).is_ok()
            });
            let path = path.ok_or_else(|| GatewayError::bad_request("This is not an address ipfs://CID."))?;
            moved(&format!("/ipfs/{}", utf8_percent_encode(path, IN_ADDRESS)))
        },
    );
    finish(answer, None)
}

fn allow_reading(headers: &mut HeaderMap) {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, Range, User-Agent, X-Requested-With"),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Content-Length, Content-Range, Ipfs-Uri, X-Chunked-Output, X-Ipfs-Path, X-Ipfs-Roots, X-Stream-Output",
        ),
    ];
    headers.extend(allowed.map(|(name, value)| (name, HeaderValue::from_static(value))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_keeps_nobody_else_out() {
        let gateway = Gateway::new(8);
        let peer = |text: &str| Some(Peer(text.parse().unwrap()));
        let (slow, other, near) = (peer("192.0.2.1"), peer("192.0.2.2"), peer("127.0.0.1"));
        let held = (gateway.permit(slow).await.unwrap(), gateway.permit(slow).await.unwrap());
        assert!(gateway.permit(slow).await.is_err());
        let mut of_near = Vec::new();
        for _ in 0..5 {
            of_near.push(gateway.permit(near).await.unwrap());
        }
        let of_other = gateway.permit(other).await.unwrap();
        assert!(gateway.permit(other).await.is_err(), "there are no more");
        drop((held, of_near, of_other));
        assert!(gateway.permit(slow).await.is_ok());
    }
}

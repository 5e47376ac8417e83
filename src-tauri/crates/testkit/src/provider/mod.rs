//! A pinning service that speaks one of the APIs over real sockets and misbehaves on request.
//!
//! It imports what it is sent, so that its CIDs are real ones under its layout.

mod aioz;
mod answer;
mod bad_answer;
mod cluster;
mod fault;
mod form;
mod kubo;
mod pins;
mod psa;
mod reply;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdfast_content::{BlockSink, Cid, Profile};
use holdfast_core::{
    account::{AccountDraft, PlainHttp, ProviderKind},
    vault::Credentials,
};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use fault::{Bounds, Call, EditedId, Fault, Manners, TimesTo, Totals};
pub use pins::{HeldPin, Pins};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What was asked for; `None` for what is no call of the API.
    pub call: Option<Call>,
    /// The method and the path with its query.
    pub line: String,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body that arrived.
    pub body_bytes: u64,
    /// Whether the body came to its end in good form.
    pub complete: bool,
    /// Bytes of a huge answer that were taken.
    pub answer_bytes: Option<u64>,
}

/// A service on a port of its own; ends with the value.
#[derive(Debug)]
pub struct FakeProvider {
    state: Arc<State>,
    address: SocketAddr,
    end: CancellationToken,
}

/// The APIs that it can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Aioz,
    Kubo,
    Cluster,
    Psa,
}

pub(crate) struct State {
    pub(crate) api: Api,
    key: String,
    secret: String,
    rotations: AtomicU32,
    inner: Mutex<Inner>,
}

type BetweenPages = Box<dyn FnMut(&mut Pins, u64) + Send>;

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) pins: Pins,
    pub(crate) manners: Manners,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) between_pages: Option<BetweenPages>,
    /// The blocks of what was uploaded, where there is a gateway.
    pub(crate) blocks: Option<HashMap<Cid, Vec<u8>>>,
    once: HashMap<Call, Vec<Fault>>,
    always: HashMap<Call, Fault>,
    under_way: HashMap<Call, usize>,
    most_at_once: HashMap<Call, usize>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

impl FakeProvider {
    /// Starts a service with the AIOZ Pin API whose CIDs are those of `layout`.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start(layout: Profile) -> Self {
        Self::start_as(ProviderKind::Aioz, layout).await
    }

    /// Starts a service of another kind. Its CIDs are those of `layout` whatever layout a request asks for.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start_as(kind: ProviderKind, layout: Profile) -> Self {
        let api = match kind {
            ProviderKind::Aioz => Api::Aioz,
            ProviderKind::Kubo => Api::Kubo,
            ProviderKind::Cluster => Api::Cluster,
            ProviderKind::Psa => Api::Psa,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            api,
            key: format!("key-canary-{}", address.port()),
            secret: format!("secret-canary-{}", address.port()),
            rotations: AtomicU32::default(),
            inner: Mutex::new(Inner { manners: Manners::of(layout), ..Inner::default() }),
        });
        let end = CancellationToken::new();
        tokio::spawn(serve(listener, Arc::clone(&state), end.clone()));
        Self { state, address, end }
    }

    /// The API's base.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match self.state.api {
            Api::Aioz => format!("http://{}/api", self.address),
            Api::Kubo | Api::Cluster => format!("http://{}", self.address),
            Api::Psa => format!("http://{}/api/psa", self.address),
        }
    }

    /// The gateway's base. It has the blocks of what is uploaded after [`FakeProvider::open_gateway`].
    #[must_use]
    pub fn gateway(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers requests for blocks from now on; accounts that are added from now on know of it.
    pub fn open_gateway(&self) {
        self.inner().blocks.get_or_insert_default();
    }

    /// Gives these blocks at its gateway, whoever they come from.
    pub fn plant_blocks(&self, blocks: Vec<(Cid, Vec<u8>)>) {
        self.inner().blocks.get_or_insert_default().extend(blocks);
    }

    /// Loses every block that it has.
    pub fn forget_blocks(&self) {
        self.inner().blocks.iter_mut().for_each(HashMap::clear);
    }

    /// The keys that it accepts.
    ///
    /// # Panics
    /// Never: they are well formed.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let secret = self.state.secret().into();
        match self.state.api {
            Api::Aioz => Credentials::key_and_secret(&self.state.key, &secret).unwrap(),
            Api::Kubo => Credentials::token(&secret).unwrap(),
            Api::Cluster => Credentials::login(&self.state.key, &secret).unwrap(),
            Api::Psa => Credentials::token(&secret).unwrap(),
        }
    }

    /// Accepts another secret from now on, and that alone.
    pub fn rotate_key(&self) {
        self.state.rotations.fetch_add(1, Ordering::Relaxed);
    }

    /// The texts that may stand nowhere but in the vault and in requests to this service: the key, the secret, and both as a
    /// login has them in a header (RFC 7617).
    #[must_use]
    pub fn canaries(&self) -> [String; 3] {
        [self.state.key.clone(), self.state.secret.clone(), self.state.login()]
    }

    /// What a user enters for an account here.
    #[must_use]
    pub fn draft(&self, label: &str) -> AccountDraft {
        AccountDraft {
            label: label.into(),
            kind: match self.state.api {
                Api::Aioz => ProviderKind::Aioz,
                Api::Kubo => ProviderKind::Kubo,
                Api::Cluster => ProviderKind::Cluster,
                Api::Psa => ProviderKind::Psa,
            },
            endpoint: self.endpoint(),
            gateway: self.inner().blocks.is_some().then(|| self.gateway()),
            credentials: self.credentials(),
            plain_http: PlainHttp::Refused,
        }
    }

    /// Does this to the next such call, after faults asked for earlier.
    pub fn fail(&self, call: Call, fault: Fault) {
        self.inner().once.entry(call).or_default().push(fault);
    }

    /// Does this to every such call until [`FakeProvider::heal`].
    pub fn fail_always(&self, call: Call, fault: Fault) {
        self.inner().always.insert(call, fault);
    }

    /// Behaves again.
    pub fn heal(&self) {
        let mut inner = self.inner();
        inner.once.clear();
        inner.always.clear();
    }

    /// Changes its manners.
    pub fn behave(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.inner().manners);
    }

    /// Looks at or changes what it holds.
    pub fn pins<T>(&self, look: impl FnOnce(&mut Pins) -> T) -> T {
        look(&mut self.inner().pins)
    }

    /// Called after every page of a listing with the offset of that page, before the next one is asked for. Where pages have
    /// no offset, that of every page but the first is 1.
    pub fn between_pages(&self, change: impl FnMut(&mut Pins, u64) + Send + 'static) {
        self.inner().between_pages = Some(Box::new(change));
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.inner().requests.clone()
    }

    /// How many such calls were made.
    #[must_use]
    pub fn count(&self, call: Call) -> usize {
        self.inner().requests.iter().filter(|one| one.call == Some(call)).count()
    }

    /// How many such calls are waiting for their answer now.
    #[must_use]
    pub fn under_way(&self, call: Call) -> usize {
        self.inner().under_way.get(&call).copied().unwrap_or(0)
    }

    /// The most such calls that were waiting at one time.
    #[must_use]
    pub fn most_at_once(&self, call: Call) -> usize {
        self.inner().most_at_once.get(&call).copied().unwrap_or(0)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.state.inner()
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl State {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secret that is accepted now.
    fn secret(&self) -> String {
        match self.rotations.load(Ordering::Relaxed) {
            0 => self.secret.clone(),
            number => format!("{}-{number}", self.secret),
        }
    }

    fn login(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.key, self.secret()))
    }

    pub(crate) fn accepts(&self, headers: &axum::http::HeaderMap) -> bool {
        let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
        match self.api {
            Api::Aioz => is("pinning_api_key", &self.key) && is("pinning_secret_key", &self.secret()),
            Api::Kubo => is("authorization", &format!("Bearer {}", self.secret())),
            Api::Cluster => is("authorization", &format!("Basic {}", self.login())),
            Api::Psa => is("authorization", &format!("Bearer {}", self.secret())),
        }
    }

    pub(crate) fn fault_for(&self, call: Call) -> Option<Fault> {
        let mut inner = self.inner();
        match inner.once.get_mut(&call) {
            Some(faults) if !faults.is_empty() => Some(faults.remove(0)),
            _ => inner.always.get(&call).cloned(),
        }
    }
}

/// Keeps blocks for the gateway, where there is one.
pub(crate) struct KeepBlocks<'a>(pub(crate) &'a State);

impl BlockSink for KeepBlocks<'_> {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> std::io::Result<()> {
        if let Some(blocks) = &mut self.0.inner().blocks {
            blocks.insert(*cid, parts.concat());
        }
        Ok(())
    }
}

/// Counts a call as under way until it is dropped.
pub(crate) struct UnderWay(Arc<State>, Call);

impl UnderWay {
    pub(crate) fn begin(state: &Arc<State>, call: Call) -> Self {
        let mut inner = state.inner();
        let now = inner.under_way.entry(call).or_default();
        *now += 1;
        let now = *now;
        let most = inner.most_at_once.entry(call).or_default();
        *most = now.max(*most);
        Self(Arc::clone(state), call)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(count) = self.0.inner().under_way.get_mut(&self.1) {
            *count -= 1;
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<State>, end: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = end.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(move |request| answer::answer(Arc::clone(&state), request));
            // An error is a fault that was asked for, or a client that went away.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

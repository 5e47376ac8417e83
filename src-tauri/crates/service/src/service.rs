//! The life of a service: start, accept, stop.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use secrecy::SecretString;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::spawn_blocking,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    ServiceError,
    config::{PortChoice, ServiceConfig},
    http::{self, AllowedHosts, App, Failures},
    retrieve::{Limits, NoSource, Retrievals},
    store::{
        Store,
        keys::{ApiKey, ApiKeys, KeyInfo},
        scopes::Scopes,
    },
};

/// How long accepting rests after an error: most likely there are no file descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Starts services.
#[derive(Clone, Copy, Debug)]
pub struct Service;

/// A service that answers requests until it is shut down or dropped. Dropping cuts running requests; uploads that were
/// not acknowledged are then not pinned.
#[derive(Debug)]
pub struct RunningService {
    store: Arc<Store>,
    address: SocketAddr,
    connections: TaskTracker,
    work: TaskTracker,
    stop: Stop,
    shutdown_grace: Duration,
}

/// The two ways to end connections; both happen at the latest when this is dropped.
#[derive(Clone, Debug, Default)]
struct StopTokens {
    /// No more requests.
    gracefully: CancellationToken,
    /// Not even the running ones.
    now: CancellationToken,
}

#[derive(Debug, Default)]
struct Stop(StopTokens);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.gracefully.cancel();
        self.0.now.cancel();
    }
}

impl Service {
    /// Opens the directory, listens and answers.
    ///
    /// # Errors
    /// [`ServiceError`]: the directory is in use or cannot be used, or the address cannot be listened on.
    pub async fn start(config: ServiceConfig) -> Result<RunningService, ServiceError> {
        let dir = config.dir.clone();
        let store = Arc::new(spawn_blocking(move || Store::open(&dir)).await??);
        let listener = listen(config.listen, config.port).await?;
        let listening = SocketAddr::new(config.listen, 0);
        let address = listener.local_addr().map_err(|source| ServiceError::Listen { address: listening, source })?;
        let (connections, work) = (TaskTracker::new(), TaskTracker::new());
        let stop = Stop::default();
        let limits = Limits { concurrent: config.max_concurrent_retrievals, deadline: config.retrieval_deadline };
        let (opened, tracker, token) = (Arc::clone(&store), work.clone(), stop.0.gracefully.clone());
        let begin = move || {
            let retrievals = Retrievals::start(Arc::clone(&opened), Arc::new(NoSource), limits, tracker, token)?;
            Ok::<_, ServiceError>((retrievals, opened.peer_digest()?))
        };
        let (retrievals, peer_digest) = spawn_blocking(begin).await??;
        let router = http::router(Arc::new(App {
            store: Arc::clone(&store),
            hosts: AllowedHosts { listen: config.listen, names: config.allowed_hosts },
            max_upload_bytes: config.max_upload_bytes,
            body_idle_timeout: config.body_idle_timeout,
            uploads: Arc::new(Semaphore::new(config.max_concurrent_uploads)),
            work: work.clone(),
            retrievals,
            failures: Failures::new(config.max_wrong_keys_per_minute),
            delegates: vec![http::delegate(reachable(address), &peer_digest)],
        }));
        let acceptor = Acceptor {
            router,
            head_timeout: config.head_timeout,
            permits: Arc::new(Semaphore::new(config.max_connections)),
            connections: connections.clone(),
            stop: stop.0.clone(),
        };
        connections.spawn(acceptor.accept(listener));
        Ok(RunningService { store, address, connections, work, stop, shutdown_grace: config.shutdown_grace })
    }
}

impl RunningService {
    /// Where the pinning API is: `http://127.0.0.1:PORT/api`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/api", self.gateway())
    }

    /// Where content is served, under `/ipfs/{cid}`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn gateway(&self) -> String {
        format!("http://{}", reachable(self.address))
    }

    /// Accepts a given key until the service ends, instead of the one that was installed for this owner before.
    /// Pins belong to the owner, so that keys can change.
    ///
    /// # Errors
    /// [`ServiceError::InvalidKey`] unless key and secret are base64 of 16 and 32 bytes; errors of the database.
    pub async fn install_key(&self, owner: &str, key: &str, secret: SecretString) -> Result<(), ServiceError> {
        let (store, owner, key) = (Arc::clone(&self.store), owner.to_owned(), key.to_owned());
        self.work.spawn_blocking(move || store.keys.install(&owner, &key, &secret)).await?
    }

    /// Makes a key that stays valid over restarts. Its secret cannot be had again.
    ///
    /// # Errors
    /// Those of the database and of the system's random numbers.
    pub async fn create_key(&self, owner: &str, name: &str) -> Result<ApiKey, ServiceError> {
        let (store, owner, name) = (Arc::clone(&self.store), owner.to_owned(), name.to_owned());
        self.work.spawn_blocking(move || Ok(store.keys.create(&owner, &name, &Scopes::all())?.1)).await?
    }

    /// Takes no more requests, lets the running ones end within
    /// [`shutdown_grace`](ServiceConfig::shutdown_grace), cuts the rest, and gives the directory free.
    ///
    /// # Errors
    /// Those of the database; the service has ended even so.
    pub async fn shutdown(self) -> Result<(), ServiceError> {
        self.stop.0.gracefully.cancel();
        self.connections.close();
        if timeout(self.shutdown_grace, self.connections.wait()).await.is_err() {
            self.stop.0.now.cancel();
            self.connections.wait().await;
        }
        // Uploads whose request was cut notice that and give up.
        self.work.close();
        self.work.wait().await;
        let store = Arc::clone(&self.store);
        spawn_blocking(move || store.close()).await?
    }
}

/// An address that clients on this computer can connect to.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

async fn listen(ip: IpAddr, port: PortChoice) -> Result<TcpListener, ServiceError> {
    let bind = async |port| {
        let address = SocketAddr::new(ip, port);
        TcpListener::bind(address).await.map_err(|source| ServiceError::Listen { address, source })
    };
    match port {
        PortChoice::Any => bind(0).await,
        PortChoice::Exactly(port) => bind(port).await,
        PortChoice::Preferably(port) => match bind(port).await {
            Err(ServiceError::Listen { source, .. })
                if matches!(source.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) =>
            {
                bind(0).await
            }
            listener => listener,
        },
    }
}

/// The keys of a service's directory. Works beside a service that runs there: keys are looked up for each request.
#[derive(Debug)]
pub struct KeyRing {
    keys: ApiKeys,
}

impl KeyRing {
    /// Opens the keys of a directory that has been a service's before.
    ///
    /// # Errors
    /// [`ServiceError`]: there is no such directory or its database cannot be used.
    pub fn open(dir: &Path) -> Result<Self, ServiceError> {
        Ok(Self { keys: ApiKeys::new(Store::open_database(dir)?) })
    }

    /// All keys that stay valid, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn list(&self) -> Result<Vec<KeyInfo>, ServiceError> {
        Ok(self.keys.list(None)?)
    }

    /// Makes a key that stays valid. Its secret cannot be had again.
    ///
    /// # Errors
    /// Those of the database and of the system's random numbers.
    pub fn create(&self, owner: &str, name: &str, scopes: &Scopes) -> Result<(KeyInfo, ApiKey), ServiceError> {
        self.keys.create(owner, name, scopes)
    }

    /// Makes a key invalid from now on; `false` if there is none of that id.
    ///
    /// # Errors
    /// Those of the database.
    pub fn revoke(&self, id: Uuid) -> Result<bool, ServiceError> {
        Ok(self.keys.revoke(id, None)?)
    }
}

struct Acceptor {
    router: Router,
    head_timeout: Duration,
    permits: Arc<Semaphore>,
    connections: TaskTracker,
    stop: StopTokens,
}

impl Acceptor {
    async fn accept(self, listener: TcpListener) {
        let mut number = 0_u64;
        loop {
            let next = async {
                // The semaphore is never closed.
                let permit = Arc::clone(&self.permits).acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = self.stop.gracefully.cancelled() => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    number += 1;
                    let serving = self.serve(stream, number, peer);
                    self.connections.spawn(async move {
                        serving.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, number: u64, peer: SocketAddr) -> impl Future<Output = ()> + Send + 'static {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.call(request)
        });
        let stop = self.stop.clone();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.head_timeout);
        async move {
            // Replies are small; without this they wait for acknowledgements. Failing costs only time.
            let _ = stream.set_nodelay(true);
            let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.gracefully.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = connection.as_mut() => ended,
                        () = stop.now.cancelled() => return,
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(connection = number, %error, "a connection ended early");
            }
        }
    }
}

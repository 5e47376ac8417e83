//! The life of a service: start and stop.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;
use tokio::{net::TcpListener, task::spawn_blocking, time::timeout};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{
    ServiceError,
    accept::{Acceptor, Limits, StopTokens},
    config::{PortChoice, ServiceConfig},
    fetch::{FetchConfig, Fetcher},
    http::{self, AllowedHosts, App, Failures, Gateway, Metrics, Scheme, Uploads},
    retrieve::{self, Retrievals},
    stopped::Collected,
    store::{
        Store, collect, damage,
        keys::{ApiKey, ApiKeys, KeyInfo},
        quota::{Quota, Quotas},
        scopes::Scopes,
    },
    tls,
};

/// The shortest time between two looks into damage.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Starts services.
#[derive(Clone, Copy, Debug)]
pub struct Service;

/// A service that answers requests until it is shut down or dropped. Dropping cuts running requests; uploads that were
/// not acknowledged are then not pinned.
#[derive(Debug)]
pub struct RunningService {
    store: Arc<Store>,
    scheme: Scheme,
    address: SocketAddr,
    connections: TaskTracker,
    work: TaskTracker,
    stop: Stop,
    shutdown_grace: Duration,
}

/// Ends all at the latest when this is dropped.
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
        let tls = match config.tls {
            Some(files) => Some(spawn_blocking(move || tls::acceptor(&files)).await??),
            None => None,
        };
        let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
        let metrics = Arc::<Metrics>::default();
        let dir = config.dir.clone();
        let store = Arc::new(spawn_blocking(move || Store::open(&dir)).await??);
        let listener = match listen(config.listen, config.port).await {
            Ok(listener) => listener,
            Err(error) => {
                // Nothing was written: the next start need not look at all blocks.
                spawn_blocking(move || store.close()).await??;
                return Err(error);
            }
        };
        let listening = SocketAddr::new(config.listen, 0);
        let address = listener.local_addr().map_err(|source| ServiceError::Listen { address: listening, source })?;
        let (connections, work) = (TaskTracker::new(), TaskTracker::new());
        let stop = Stop::default();
        store.memory.set_max(config.max_request_bytes);
        store.quotas.set_default(config.quota);
        store.blocks.room().set_reserve(config.disk_reserve_bytes);
        work.spawn(collect::keep_collecting(Arc::clone(&store), config.collect_after, stop.0.gracefully.clone()));
        let looking = damage::keep_looking(Arc::clone(&store), LOOK_AFTER, stop.0.gracefully.clone());
        work.spawn(looking);
        let fetch = FetchConfig {
            gateways: config.gateways,
            private_origins: config.private_origins,
            ..FetchConfig::default()
        };
        let fetcher = Fetcher::new(fetch, work.clone()).map_err(ServiceError::storage)?;
        let limits =
            retrieve::Limits { concurrent: config.max_concurrent_retrievals, deadline: config.retrieval_deadline };
        let (opened, tracker, token) = (Arc::clone(&store), work.clone(), stop.0.gracefully.clone());
        let begin = move || {
            let retrievals = Retrievals::start(Arc::clone(&opened), Arc::new(fetcher), limits, tracker, token)?;
            Ok::<_, ServiceError>((retrievals, opened.peer_digest()?))
        };
        let (retrievals, peer_digest) = spawn_blocking(begin).await??;
        let hosts = AllowedHosts { scheme, listen: config.listen, names: config.allowed_hosts };
        let delegates = vec![http::delegate(&hosts, reachable(address), &peer_digest)];
        let router = http::router(Arc::new(App {
            store: Arc::clone(&store),
            hosts,
            max_upload_bytes: config.max_upload_bytes,
            body_idle_timeout: config.body_idle_timeout,
            uploads: Uploads::new(config.max_concurrent_uploads),
            work: work.clone(),
            gateway: Gateway::new(config.max_gateway_answers),
            metrics: Arc::clone(&metrics),
            public_metrics: config.public_metrics,
            retrievals,
            failures: Failures::new(config.max_wrong_keys_per_minute),
            delegates,
        }));
        let acceptor = Acceptor {
            router,
            tls,
            metrics,
            limits: Limits {
                head_timeout: config.head_timeout,
                idle_timeout: config.idle_timeout,
                write_timeout: config.write_timeout,
                per_peer: config.max_connections_per_peer,
            },
            max_connections: config.max_connections,
            connections: connections.clone(),
            stop: stop.0.clone(),
        };
        connections.spawn(acceptor.accept(listener));
        Ok(RunningService { store, scheme, address, connections, work, stop, shutdown_grace: config.shutdown_grace })
    }
}

impl RunningService {
    /// Where the pinning API is: `http://127.0.0.1:PORT/api`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/api", self.gateway())
    }

    /// Where content is served, under `/ipfs/{cid}`: `http://127.0.0.1:PORT`, or `https://…`.
    #[must_use]
    pub fn gateway(&self) -> String {
        format!("{}://{}", self.scheme.word(), reachable(self.address))
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

    /// Sets what an owner of keys may store; it stays over restarts. What is stored already stays stored.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_quota(&self, owner: &str, quota: Quota) -> Result<(), ServiceError> {
        let (store, owner) = (Arc::clone(&self.store), owner.to_owned());
        self.work
            .spawn_blocking(move || {
                let owner = store.keys.owner(&owner)?;
                store.quotas.set(owner, quota).map_err(ServiceError::storage)
            })
            .await?
    }

    /// Removes the blocks that no pin needs, without waiting until it does so by itself.
    ///
    /// # Errors
    /// [`ServiceError::Storage`]: a pin is damaged, and then nothing is removed; the disk or the database failed.
    pub async fn collect(&self) -> Result<Collected, ServiceError> {
        let store = Arc::clone(&self.store);
        let stopped = self.stop.0.gracefully.clone();
        let collecting = self.work.spawn_blocking(move || store.collect(|| stopped.is_cancelled()));
        let swept = collecting.await?.map_err(ServiceError::storage)?;
        Ok(Collected { blocks: swept.blocks, bytes: swept.bytes })
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
    quotas: Quotas,
}

impl KeyRing {
    /// Opens the keys of a directory that has been a service's before.
    ///
    /// # Errors
    /// [`ServiceError`]: there is no such directory or its database cannot be used.
    pub fn open(dir: &Path) -> Result<Self, ServiceError> {
        let database = Store::open_database(dir)?;
        Ok(Self { keys: ApiKeys::new(database.clone()), quotas: Quotas::new(database) })
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

    /// Whether keys were made for this owner before; they may be revoked, but the pins and the quota stay.
    ///
    /// # Errors
    /// Those of the database.
    pub fn has_owner(&self, owner: &str) -> Result<bool, ServiceError> {
        self.keys.has_owner(owner)
    }

    /// Sets what an owner may store, from now on and over restarts. What is stored already stays stored.
    ///
    /// # Errors
    /// Those of the database.
    pub fn set_quota(&self, owner: &str, quota: Quota) -> Result<(), ServiceError> {
        self.quotas.set(self.keys.owner(owner)?, quota).map_err(ServiceError::storage)
    }

    /// Makes a key invalid from now on; `false` if there is none of that id.
    ///
    /// # Errors
    /// Those of the database.
    pub fn revoke(&self, id: Uuid) -> Result<bool, ServiceError> {
        Ok(self.keys.revoke(id, None)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_start_on_a_port_that_is_taken_is_no_crash() {
        let dir = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut config = ServiceConfig::new(dir.path());
        config.port = PortChoice::Exactly(taken.local_addr().unwrap().port());
        let error = Service::start(config).await.unwrap_err();
        assert!(matches!(error, ServiceError::Listen { .. }), "{error}");
        assert!(Store::open(dir.path()).unwrap().blocks.is_trusted());
    }
}

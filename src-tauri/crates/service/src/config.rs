//! What can be chosen when a service starts.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use tokio::sync::watch;
use url::Url;

use crate::store::{MEMORY_BYTES, quota::Quota};

/// How a service is run.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Where blocks and pins are kept; made if it is not there. One running service per directory.
    pub dir: PathBuf,
    /// The address to listen on.
    pub listen: IpAddr,
    /// The port to listen on.
    pub port: PortChoice,
    /// Names that a `Host` header may have besides `localhost`, loopback addresses and the address listened on.
    pub allowed_hosts: Vec<String>,
    /// The longest upload, in bytes of its request body; `None` for no limit but the disk's.
    pub max_upload_bytes: Option<u64>,
    /// Uploads that may run at one time, and half of it of one owner; one more is answered with 429.
    pub max_concurrent_uploads: usize,
    /// Connections that may be open at one time. For one more, that one ends which has waited longest for a request; it
    /// waits itself if all are being answered.
    pub max_connections: usize,
    /// Connections of one other computer; more are closed at once. Those of this computer are not counted: a proxy's are
    /// everybody's.
    pub max_connections_per_peer: usize,
    /// Requests whose content may be in memory at one time, a few MiB each, and a quarter of it of one other computer; more
    /// wait a while and are answered with 503.
    pub max_gateway_answers: usize,
    /// The memory that requests may take together, in bytes, and half of it of one owner of keys or one other computer: for
    /// the trees of uploads, the blocks of pins, lists, archives and bodies. More wait a while and are answered with 503.
    pub max_request_bytes: usize,
    /// With what to prove who the service is, and to encrypt; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whether anybody may read `/metrics`, and not only programs of this computer that have a key.
    pub public_metrics: bool,
    /// How long a client may take to send a request's head.
    pub head_timeout: Duration,
    /// How long a connection may stand idle after an answer. Clients are told, so that they and not we close it.
    pub idle_timeout: Duration,
    /// How long a request's body may stall, and in what time 64 KiB of an upload, or all other bodies, must come.
    pub body_idle_timeout: Duration,
    /// In what time a client that is sent something must take 64 KiB of it, or all; else it is dropped.
    pub write_timeout: Duration,
    /// Wrong keys that one address may come with in a minute; more are answered with 429.
    pub max_wrong_keys_per_minute: u32,
    /// Pins by CID whose content is fetched at one time; more wait.
    pub max_concurrent_retrievals: usize,
    /// How long a pin by CID may be fetched before it fails; the time that it waits for its turn does not count.
    pub retrieval_deadline: Duration,
    /// How long running requests may go on after [`shutdown`](crate::RunningService::shutdown); then they are cut.
    pub shutdown_grace: Duration,
    /// Trustless gateways that are asked for content that is pinned by its CID and not held here.
    pub gateways: Gateways,
    /// Whether the origins that a request names, and what a gateway leads to, may be at loopback and private addresses.
    /// Whoever has a key then reaches what this computer reaches.
    pub private_origins: bool,
    /// What owners may store who were given no quota of their own.
    pub quota: Quota,
    /// Bytes of the disk that are left free: with less than this, uploads are refused.
    pub disk_reserve_bytes: u64,
    /// How long blocks that no pin needs any more stay at least, so that many unpins are one collection.
    pub collect_after: Duration,
}

impl ServiceConfig {
    /// A service on a free port of 127.0.0.1.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: PortChoice::Any,
            allowed_hosts: Vec::new(),
            max_upload_bytes: None,
            max_concurrent_uploads: 32,
            max_connections: 512,
            max_connections_per_peer: 64,
            max_gateway_answers: 32,
            max_request_bytes: MEMORY_BYTES,
            tls: None,
            public_metrics: false,
            head_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(20),
            body_idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            max_wrong_keys_per_minute: 60,
            max_concurrent_retrievals: 16,
            retrieval_deadline: Duration::from_secs(3600),
            shutdown_grace: Duration::from_secs(10),
            gateways: Vec::new().into(),
            private_origins: false,
            quota: Quota::Bytes(1024 * 1024 * 1024),
            disk_reserve_bytes: 512 * 1024 * 1024,
            collect_after: Duration::from_secs(60),
        }
    }
}

/// Gateways as they are at the time when one would be asked: one that is not among them any more is asked no more, also for
/// what is being fetched.
#[derive(Clone, Debug)]
pub struct Gateways(watch::Receiver<Vec<Url>>);

impl Gateways {
    /// Those that may be asked now.
    pub(crate) fn now(&self) -> Vec<Url> {
        self.0.borrow().clone()
    }

    /// Whether this one may be asked now.
    pub(crate) fn has(&self, gateway: &Url) -> bool {
        self.0.borrow().contains(gateway)
    }
}

impl From<Vec<Url>> for Gateways {
    /// These, for good.
    fn from(gateways: Vec<Url>) -> Self {
        Self(watch::channel(gateways).1)
    }
}

impl From<watch::Receiver<Vec<Url>>> for Gateways {
    /// Those that the sender says.
    fn from(gateways: watch::Receiver<Vec<Url>>) -> Self {
        Self(gateways)
    }
}

/// Which port to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortChoice {
    /// Any free port.
    Any,
    /// This one or none.
    Exactly(u16),
    /// This one if it is free, any other if not.
    Preferably(u16),
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to an authority.
    pub certificates: PathBuf,
    /// The private key of the first certificate.
    pub key: PathBuf,
}

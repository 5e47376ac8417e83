//! A whole pinning service in a box.
//!
//! Speaks the AIOZ Pin API under `/api` and the IPFS Pinning Service API under `/api/psa`, and serves what it holds at
//! `/ipfs/{cid}`, on a loopback address unless told otherwise. Blocks are files in a directory, pins are rows of an SQLite
//! database beside them; one process at a time owns that directory. What is pinned by its CID and not held it fetches over
//! HTTP, from the trustless gateways of its configuration and from the web servers that the request names; it speaks to no
//! libp2p peers and tells nobody what it holds. A CID that it does not hold completely is never reported as pinned.
//!
//! ```no_run
//! use holdfast_service::{Service, ServiceConfig};
//!
//! # async fn run() -> Result<(), holdfast_service::ServiceError> {
//! let service = Service::start(ServiceConfig::new("/var/lib/holdfast")).await?;
//! let key = service.create_key("home", "laptop").await?;
//! println!("{} takes uploads with the key {}", service.endpoint(), key.key);
//! service.shutdown().await
//! # }
//! ```

mod accept;
mod archive;
mod config;
mod error;
mod fetch;
mod http;
mod import;
#[cfg(test)]
mod logged;
mod retrieve;
mod service;
mod stopped;
mod store;
mod tls;
#[doc(hidden)]
pub mod untrusted;
mod write_timeout;

pub use config::{Gateways, PortChoice, ServiceConfig, TlsFiles};
pub use error::{ServiceError, TlsError};
pub use service::{KeyRing, RunningService, Service};
pub use stopped::{Collected, StoppedService};
pub use store::{
    check::{Checked, DamagedPin},
    keys::{ApiKey, KeyInfo},
    quota::Quota,
    scopes::{Scope, Scopes, UnknownScope},
    statistics::{OwnerStatistics, Statistics},
};
pub use uuid::Uuid;

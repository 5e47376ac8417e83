//! Providers: the trait that adapters implement, one file per adapter, and the HTTP plumbing that they share.

mod aioz;
mod connect;
mod error;
pub(crate) mod http;
mod multipart;

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_content::Cid;
use url::Url;

use crate::{
    account::Account,
    content::{ArchiveBody, UploadBody},
    error::Error,
    gateway::Gateway,
    pin::{Metadata, PinId, ProviderPin},
    vault::Credentials,
};

pub use connect::HttpConnect;
pub use error::ProviderError;
pub use multipart::wire_path;

/// What an account's provider can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Files without content are taken.
    pub empty_files: bool,
    /// Empty directories and symlinks arrive inside a directory.
    pub directory_parts: bool,
    /// Names arrive as they are, even with line breaks in them.
    pub exact_paths: bool,
    /// CAR archives are taken.
    pub car_archives: bool,
}

/// One page of an account's pins.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    /// The pins, newest first.
    pub pins: Vec<ProviderPin>,
    /// Rows the provider sent, including those it could not describe or that are history.
    pub rows: u64,
    /// Rows that contradict the API.
    pub not_understood: u64,
}

/// One login at one service. Every call is one request; none retries by itself.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Asks whether the credentials are right and what the service can take.
    async fn test(&self) -> Result<Capabilities, ProviderError>;

    /// Sends a file or directory. The body may be sent once only.
    async fn upload(&self, name: &str, metadata: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError>;

    /// Sends a CAR archive, where [`Capabilities::car_archives`] says so.
    async fn import_car(
        &self,
        _name: Option<&str>,
        _metadata: &Metadata,
        _archive: ArchiveBody,
    ) -> Result<ProviderPin, ProviderError> {
        Err(ProviderError::Refused { status: 415, message: "it takes no CAR archives".into() })
    }

    /// Asks the provider to get and pin a CID.
    async fn pin(&self, cid: &Cid, name: Option<&str>, metadata: &Metadata) -> Result<ProviderPin, ProviderError>;

    /// Asks for one pin.
    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError>;

    /// Asks for pins, newest first, from row `offset` on.
    async fn list(&self, offset: u64, limit: u32) -> Result<ListPage, ProviderError>;

    /// Removes a pin. [`ProviderError::NotFound`] when it is gone already.
    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError>;
}

/// The port for the network: makes the adapter for an account.
pub trait Connect: Send + Sync + 'static {
    /// The account's provider, spoken to with these credentials.
    ///
    /// # Errors
    /// When no client can be set up.
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, Error>;

    /// The gateway at `base`, spoken to without any credentials.
    ///
    /// # Errors
    /// When no client can be set up.
    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, Error>;
}

//! Providers: the trait that adapters implement, one file per adapter, and the HTTP plumbing that they share.

mod aioz;
mod bounded;
mod bounds;
mod cluster;
mod connect;
mod error;
pub(crate) mod http;
mod kubo;
mod multipart;
mod ndjson;
mod node;
mod paging;
mod psa;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use holdfast_content::{Cid, Profile};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    account::Account,
    content::{ArchiveBody, UploadBody},
    gateway::{Gateway, GatewayError},
    ids::PinId,
    pin::{Metadata, PinSort, ProviderPin},
    vault::Credentials,
};

pub use connect::HttpConnect;
pub use error::ProviderError;

/// What a list can be narrowed down by, at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each names what it narrows down by")]
pub enum Filter {
    Cid,
    Name,
    Status,
    Metadata,
}

/// How a provider's list is gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// By number of rows passed over: rows move when pins come and go.
    Offset,
    /// By the time at which a row was created.
    Before,
    /// All in one answer.
    Whole,
}

impl Filter {
    /// The filter's name on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cid => "cid",
            Self::Name => "name",
            Self::Status => "status",
            Self::Metadata => "metadata",
        }
    }
}

impl Paging {
    /// The way's name on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offset => "offset",
            Self::Before => "before",
            Self::Whole => "whole",
        }
    }
}

/// What content from this computer a provider takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadForms {
    /// Files without content are taken.
    pub empty_files: bool,
    /// Empty directories and symlinks arrive inside a directory.
    pub directory_parts: bool,
    /// Names arrive as they are, even with line breaks and other control characters in them.
    pub exact_paths: bool,
    /// CAR archives are taken.
    pub car_archives: bool,
}

/// What an account's provider can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What content it takes; `None` where it only pins by CID.
    pub upload: Option<UploadForms>,
    /// A pin's name, and its metadata where there is any, can be changed.
    pub edit: bool,
    /// Its pins have metadata, and not only a name.
    pub metadata: bool,
    /// What its list can be narrowed down by.
    pub filters: &'static [Filter],
    /// What its list can be sorted by.
    pub sorts: &'static [PinSort],
    /// How its list is gone through.
    pub paging: Paging,
    /// It says how much is used.
    pub usage: bool,
    /// It is a node, which says at which addresses others can fetch from it.
    pub addresses: bool,
    /// The profile whose CIDs it gives to uploads, where it says so or is asked for that. It is what to expect, and no proof.
    pub profile: Option<Profile>,
}

/// A wish to have a CID pinned.
#[derive(Clone, Copy, Debug)]
pub struct PinRequest<'a> {
    /// What to pin.
    pub cid: &'a Cid,
    /// The name that the pin gets.
    pub name: Option<&'a str>,
    /// The key/value pairs that it gets, where [`Capabilities::metadata`] says so.
    pub metadata: &'a Metadata,
    /// Multiaddrs of nodes that have the content.
    pub origins: &'a [String],
}

/// Why rows may be missing from a listing, or may be without anybody having seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Rows have moved between two pages.
    Moved,
    /// The service shows no more, though there are more.
    Truncated,
    /// The list came to an end that one cut on its way would have too.
    Unended,
}

/// One page of an account's pins.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    /// The pins, newest first.
    pub pins: Vec<ProviderPin>,
    /// Rows that contradict the API.
    pub not_understood: u64,
    /// Why some may be missing since the page before.
    pub gap: Option<Gap>,
}

/// The pages of a list, one request each. At most one is under way before its page is asked for.
pub type Pages<'a> = BoxStream<'a, Result<ListPage, ProviderError>>;

/// How much of an account is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes stored.
    pub used_bytes: u64,
    /// Bytes that may be stored, where there is a limit.
    pub quota_bytes: Option<u64>,
}

/// One login at one service. Every call is one request or a few; none repeats what could be done twice.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Asks whether the credentials are right and what the service can do.
    async fn test(&self) -> Result<Capabilities, ProviderError>;

    /// Sends a file or directory, where [`Capabilities::upload`] says so; its pin gets the metadata where
    /// [`Capabilities::metadata`] does. The body may be sent once only.
    async fn upload(&self, _name: &str, _metadata: &Metadata, _body: UploadBody) -> Result<ProviderPin, ProviderError> {
        Err(ProviderError::Unsupported { what: "it takes no files, only CIDs" })
    }

    /// Sends a CAR archive, where [`UploadForms::car_archives`] says so.
    async fn import_car(
        &self,
        _name: Option<&str>,
        _metadata: &Metadata,
        _archive: ArchiveBody,
    ) -> Result<ProviderPin, ProviderError> {
        Err(ProviderError::Unsupported { what: "it takes no CAR archives" })
    }

    /// Asks the provider to get and pin a CID.
    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError>;

    /// Asks for one pin.
    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError>;

    /// Asks for all pins, newest first where the service can sort, or for those of `cids` where there are any and the service
    /// can narrow its list down: others may be among them.
    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a>;

    /// Gives a pin another name and other metadata, where [`Capabilities::edit`] says so. The pin may get another id.
    async fn edit(
        &self,
        _pin: &ProviderPin,
        _name: Option<&str>,
        _metadata: &Metadata,
    ) -> Result<ProviderPin, ProviderError> {
        Err(ProviderError::Unsupported { what: "it cannot change a pin" })
    }

    /// Removes a pin. [`ProviderError::NotFound`] when it is gone already.
    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError>;

    /// How much is used, where [`Capabilities::usage`] says so.
    async fn usage(&self) -> Result<Usage, ProviderError> {
        Err(ProviderError::Unsupported { what: "it does not say how much is used" })
    }

    /// The multiaddrs at which others can fetch from the service, where [`Capabilities::addresses`] says so.
    async fn addresses(&self) -> Result<Vec<String>, ProviderError> {
        Err(ProviderError::Unsupported { what: "it is no node to fetch from" })
    }
}

/// The port for the network: makes the adapter for an account.
pub trait Connect: Send + Sync + 'static {
    /// The account's provider, spoken to with these credentials.
    ///
    /// # Errors
    /// When no client can be set up.
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError>;

    /// The gateway at `base`, spoken to without any credentials.
    ///
    /// # Errors
    /// When no client can be set up.
    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, GatewayError>;
}

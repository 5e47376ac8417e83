//! An IPFS Cluster, by its REST API.

use std::time::Duration;

use async_trait::async_trait;
use holdfast_content::Cid;
use url::Url;

use super::{
    Capabilities, Pages, PinRequest, Provider, ProviderError,
    http::{Http, Sent},
    paging,
};
use crate::{
    pin::{PinId, ProviderPin},
    vault::Credentials,
};

/// The adapter.
#[derive(Debug)]
pub(crate) struct Cluster {
    http: Http,
}

impl Cluster {
    pub(crate) fn new(endpoint: Url, credentials: &Credentials, silence: Duration) -> Result<Self, ProviderError> {
        Ok(Self { http: Http::new(endpoint, credentials, Sent::AsAuthorization, silence)? })
    }
}

const NOT_YET: ProviderError = ProviderError::Unsupported { what: "Holdfast cannot speak to it yet" };

#[async_trait]
impl Provider for Cluster {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        tracing::debug!(http = ?self.http, "asked");
        Err(NOT_YET)
    }

    async fn pin(&self, _request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        Err(NOT_YET)
    }

    async fn get(&self, _id: &PinId) -> Result<ProviderPin, ProviderError> {
        Err(NOT_YET)
    }

    fn list<'a>(&'a self, _cids: &'a [Cid]) -> Pages<'a> {
        paging::whole(async { Err(NOT_YET) })
    }

    async fn unpin(&self, _id: &PinId) -> Result<(), ProviderError> {
        Err(NOT_YET)
    }
}

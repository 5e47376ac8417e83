//! The real network, to services of which it is known that they refuse empty files.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_content::Cid;
use holdfast_core::{
    Error,
    account::Account,
    content::UploadBody,
    gateway::Gateway,
    pin::{Metadata, PinId, ProviderPin},
    provider::{Capabilities, Connect, HttpConnect, Pages, PinRequest, Provider, ProviderError, UploadForms},
    vault::Credentials,
};
use url::Url;

/// Makes HTTP adapters whose services take no file without content, as the presets do.
#[derive(Debug)]
pub struct RefusesEmpty(pub HttpConnect);

impl Connect for RefusesEmpty {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, Error> {
        Ok(Arc::new(Strict(self.0.connect(account, credentials)?)))
    }

    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, Error> {
        self.0.gateway(base)
    }
}

struct Strict(Arc<dyn Provider>);

#[async_trait]
impl Provider for Strict {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        let capabilities = self.0.test().await?;
        let upload = capabilities.upload.map(|forms| UploadForms { empty_files: false, ..forms });
        Ok(Capabilities { upload, ..capabilities })
    }

    async fn upload(&self, name: &str, metadata: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError> {
        self.0.upload(name, metadata, body).await
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        self.0.pin(request).await
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        self.0.get(id).await
    }

    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a> {
        self.0.list(cids)
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        self.0.unpin(id).await
    }
}

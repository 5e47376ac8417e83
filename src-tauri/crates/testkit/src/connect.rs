//! The real network with something wrong about it: services that take no empty files or say whose CIDs they give, and addresses that lead nowhere.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use holdfast_content::{Cid, Profile};
use holdfast_core::{
    account::Account,
    content::{ArchiveBody, UploadBody},
    gateway::{Gateway, GatewayError},
    pin::{Metadata, PinId, ProviderPin},
    provider::{Capabilities, Connect, HttpConnect, Pages, PinRequest, Provider, ProviderError, UploadForms, Usage},
    vault::Credentials,
};
use url::Url;

/// Makes HTTP adapters whose services take no file without content, as the presets do.
#[derive(Debug)]
pub struct RefusesEmpty(pub HttpConnect);

impl Connect for RefusesEmpty {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        Ok(Arc::new(Around(Strict(self.0.connect(account, credentials)?))))
    }

    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        self.0.gateway(base)
    }
}

struct Strict(Arc<dyn Provider>);

impl Wrap for Strict {
    fn now(&self) -> &dyn Provider {
        &*self.0
    }

    fn tell(&self, capabilities: Capabilities) -> Capabilities {
        let upload = capabilities.upload.map(|forms| UploadForms { empty_files: false, ..forms });
        Capabilities { upload, ..capabilities }
    }
}

/// Makes HTTP adapters whose services say, rightly or wrongly, that their CIDs are those of a profile.
#[derive(Debug)]
pub struct Says(pub Profile, pub HttpConnect);

impl Connect for Says {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        Ok(Arc::new(Around(Claiming(self.0, self.1.connect(account, credentials)?))))
    }

    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        self.1.gateway(base)
    }
}

struct Claiming(Profile, Arc<dyn Provider>);

impl Wrap for Claiming {
    fn now(&self) -> &dyn Provider {
        &*self.1
    }

    fn tell(&self, capabilities: Capabilities) -> Capabilities {
        Capabilities { profile: Some(self.0), ..capabilities }
    }
}

/// Makes HTTP adapters that on request find another address in the place of every account's, as where a name does not resolve
/// or somebody else answers.
#[derive(Clone, Debug)]
pub struct Detour {
    to: Url,
    is_on: Arc<AtomicBool>,
}

impl Detour {
    /// Leads to that address as long as it is on, which it is not at first.
    #[must_use]
    pub fn to(to: Url) -> Self {
        Self { to, is_on: Arc::default() }
    }

    /// Turns it on or off.
    pub fn turn(&self, on: bool) {
        self.is_on.store(on, Ordering::Relaxed);
    }

    /// The network with this detour in it.
    #[must_use]
    pub fn through(&self, network: HttpConnect) -> impl Connect + use<> {
        Detoured { network, detour: self.clone() }
    }
}

struct Detoured {
    network: HttpConnect,
    detour: Detour,
}

impl Connect for Detoured {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        let usual = self.network.connect(account, credentials.clone())?;
        let elsewhere = Account { endpoint: self.detour.to.clone(), ..account.clone() };
        let elsewhere = self.network.connect(&elsewhere, credentials)?;
        Ok(Arc::new(Around(Fork { usual, elsewhere, is_elsewhere: Arc::clone(&self.detour.is_on) })))
    }

    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        self.network.gateway(base)
    }
}

struct Fork {
    usual: Arc<dyn Provider>,
    elsewhere: Arc<dyn Provider>,
    is_elsewhere: Arc<AtomicBool>,
}

impl Wrap for Fork {
    fn now(&self) -> &dyn Provider {
        if self.is_elsewhere.load(Ordering::Relaxed) { &*self.elsewhere } else { &*self.usual }
    }
}

/// What stands before a provider.
trait Wrap: Send + Sync {
    /// The one to ask now.
    fn now(&self) -> &dyn Provider;

    /// What is told of what it can do.
    fn tell(&self, capabilities: Capabilities) -> Capabilities {
        capabilities
    }
}

struct Around<W>(W);

#[async_trait]
impl<W: Wrap> Provider for Around<W> {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        Ok(self.0.tell(self.0.now().test().await?))
    }

    async fn upload(&self, name: &str, metadata: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError> {
        self.0.now().upload(name, metadata, body).await
    }

    async fn import_car(
        &self,
        name: Option<&str>,
        metadata: &Metadata,
        archive: ArchiveBody,
    ) -> Result<ProviderPin, ProviderError> {
        self.0.now().import_car(name, metadata, archive).await
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        self.0.now().pin(request).await
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        self.0.now().get(id).await
    }

    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a> {
        self.0.now().list(cids)
    }

    async fn edit(
        &self,
        pin: &ProviderPin,
        name: Option<&str>,
        metadata: &Metadata,
    ) -> Result<ProviderPin, ProviderError> {
        self.0.now().edit(pin, name, metadata).await
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        self.0.now().unpin(id).await
    }

    async fn usage(&self) -> Result<Usage, ProviderError> {
        self.0.now().usage().await
    }

    async fn addresses(&self) -> Result<Vec<String>, ProviderError> {
        self.0.now().addresses().await
    }
}

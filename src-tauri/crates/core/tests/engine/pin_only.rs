//! A service that only pins by CID, and a node that files can go through, in memory and on sockets.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures_util::StreamExt;
use holdfast_content::Cid;
use holdfast_core::{
    account::{Account, AccountDraft, PlainHttp, ProviderKind},
    content::UploadBody,
    gateway::{Gateway, GatewayError},
    pin::{LeftOut, Metadata, PinId, PinStatus, ProviderPin},
    provider::{
        Capabilities, Connect, Filter, HttpConnect, ListPage, Pages, Paging, PinRequest, Provider, ProviderError,
    },
    vault::Credentials,
};
use holdfast_testkit::{FakeProvider, WorldBuilder};

/// The address at which the node can be reached.
pub(crate) const ADDRESS: &str = "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
/// A service that only pins by CID, and what it was asked.
#[derive(Clone, Default)]
pub(crate) struct PinOnly(Arc<Mutex<PinOnlyState>>);

#[derive(Default)]
pub(crate) struct PinOnlyState {
    pub(crate) pins: Vec<ProviderPin>,
    pub(crate) asked: usize,
    pub(crate) origins: Vec<String>,
    pub(crate) loses_answer: bool,
    pub(crate) edits: bool,
    /// It answers with the pin that it has of a CID.
    pub(crate) pins_once: bool,
    /// It shows its whole list whatever was asked for.
    pub(crate) ignores_filter: bool,
    /// It takes no pins.
    pub(crate) refuses: bool,
    /// It keeps no metadata, and says nothing of that.
    pub(crate) drops_metadata: bool,
    /// It removes nothing.
    pub(crate) keeps_all: bool,
    /// It cannot be reached when it is asked for a pin that many times.
    pub(crate) unreachable: usize,
}

impl PinOnly {
    pub(crate) fn state(&self) -> MutexGuard<'_, PinOnlyState> {
        self.0.lock().unwrap()
    }

    pub(crate) fn becomes(&self, status: PinStatus, message: &str) {
        for pin in &mut self.state().pins {
            pin.status = status;
            pin.message = Some(message.into());
        }
    }
}

#[async_trait]
impl Provider for PinOnly {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        Ok(Capabilities {
            upload: None,
            edit: self.state().edits,
            metadata: true,
            filters: &[Filter::Cid],
            sorts: &[],
            paging: Paging::Whole,
            usage: false,
            addresses: false,
            profile: None,
        })
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        let mut state = self.state();
        if state.refuses {
            return Err(ProviderError::Forbidden { message: None });
        }
        let there = state.pins.iter().find(|pin| pin.cid == *request.cid);
        if let (true, Some(pin)) = (state.pins_once, there) {
            return Ok(pin.clone());
        }
        state.asked += 1;
        state.origins = request.origins.to_vec();
        let pin = ProviderPin {
            id: PinId(format!("pin-{}", state.asked)),
            cid: *request.cid,
            name: request.name.map(str::to_owned),
            bytes: None,
            status: PinStatus::Queued,
            raw_status: "queued".into(),
            message: Some("Queue position: 7 of 9".into()),
            is_directory: false,
            pinned_at: None,
            metadata: if state.drops_metadata { Metadata::new() } else { request.metadata.clone() },
            left_out: LeftOut::NOTHING,
        };
        state.pins.push(pin.clone());
        if std::mem::take(&mut state.loses_answer) {
            return Err(ProviderError::Network { reason: "the answer got lost".into() });
        }
        Ok(pin)
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        let mut state = self.state();
        if state.unreachable > 0 {
            state.unreachable -= 1;
            return Err(ProviderError::Network { reason: "no connection".into() });
        }
        let found = state.pins.iter().find(|pin| pin.id == *id).cloned();
        found.ok_or(ProviderError::NotFound { message: None })
    }

    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a> {
        let ignores_filter = self.state().ignores_filter;
        let mut pins = self.state().pins.clone();
        pins.retain(|pin| ignores_filter || cids.is_empty() || cids.contains(&pin.cid));
        futures_util::stream::iter([Ok(ListPage { pins, ..ListPage::default() })]).boxed()
    }

    async fn edit(
        &self,
        pin: &ProviderPin,
        name: Option<&str>,
        metadata: &Metadata,
    ) -> Result<ProviderPin, ProviderError> {
        let mut state = self.state();
        let id = PinId(format!("{}-edited", pin.id));
        let held = state.pins.iter_mut().find(|held| held.id == pin.id);
        let held = held.ok_or(ProviderError::NotFound { message: None })?;
        (held.id, held.name, held.metadata) = (id, name.map(str::to_owned), metadata.clone());
        Ok(held.clone())
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        let mut state = self.state();
        if state.keeps_all {
            return Err(ProviderError::Forbidden { message: None });
        }
        state.pins.retain(|pin| pin.id != *id);
        Ok(())
    }
}

/// A node: a service that takes files, and says where they can be fetched.
struct Node(Arc<dyn Provider>);

#[async_trait]
impl Provider for Node {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        Ok(Capabilities { addresses: true, ..self.0.test().await? })
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

    async fn addresses(&self) -> Result<Vec<String>, ProviderError> {
        Ok(vec!["/ip4/203.0.113.7/tcp/4001".into(), ADDRESS.into()])
    }
}

struct Network {
    http: HttpConnect,
    pin_only: PinOnly,
    node_credentials: Credentials,
}

impl Connect for Network {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        match account.kind {
            ProviderKind::Psa => Ok(Arc::new(self.pin_only.clone())),
            ProviderKind::Kubo => {
                let account = Account { kind: ProviderKind::Aioz, ..account.clone() };
                Ok(Arc::new(Node(self.http.connect(&account, self.node_credentials.clone())?)))
            }
            _ => self.http.connect(account, credentials),
        }
    }

    fn gateway(&self, base: &url::Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        self.http.gateway(base)
    }
}

/// A world in which every `psa` account is at `service`, and every `kubo` account at `node`.
pub(crate) fn world_of(node: &FakeProvider, service: &PinOnly) -> WorldBuilder {
    let (credentials, pin_only) = (node.credentials(), service.clone());
    WorldBuilder::default().through(move |http| Network {
        http,
        pin_only: pin_only.clone(),
        node_credentials: credentials.clone(),
    })
}

/// What a user enters.
pub(crate) fn draft(kind: ProviderKind, label: &str, endpoint: &str, credentials: Credentials) -> AccountDraft {
    let (label, endpoint) = (label.into(), endpoint.into());
    AccountDraft { label, kind, endpoint, gateway: None, credentials, plain_http: PlainHttp::Refused }
}

/// What a user enters for the service.
pub(crate) fn service_draft() -> AccountDraft {
    let token = Credentials::token(&"token".into()).unwrap();
    draft(ProviderKind::Psa, "service", "http://127.0.0.1:1/psa", token)
}

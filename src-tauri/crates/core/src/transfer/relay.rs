//! Files for a service that only pins by CID: they are added at the user's own node, and the service gets them from there.
//!
//! What each step has come to is durable: a try goes on where the last one ended, and nothing is added or pinned twice.

use std::sync::Arc;

use holdfast_content::same_content;
use tokio_util::sync::CancellationToken;

use super::{Transfer, TransferId, Work, find, upload::Upload};
use crate::{
    account::{Account, ProviderKind, Since, UploadRoute},
    content::{Limits, Progress, plan_at},
    disk::{Fingerprint, Place},
    engine::{Change, Shared, Which},
    error::Error,
    ids::PinKey,
    pin::{PinStatus, ProviderPin, Receipt},
    provider::{PinRequest, Provider, ProviderError},
    store::Finish,
};

/// Why files cannot get to a service that only pins by CID, as the end of a sentence.
pub(crate) const NEEDS_NODE: &str = "it takes no files itself, only CIDs; add your Kubo node or an IPFS Cluster as an \
                                     account, and files get there through it, or upload elsewhere and pin the CID";

/// Addresses that a request may have (the API's limit).
const MAX_ORIGINS: usize = 20;

/// How files get to an account, as far as is known without asking anybody.
pub(crate) async fn route(shared: &Shared, account: &Account) -> Result<UploadRoute, Error> {
    if shared.access.takes_files(account) {
        return Ok(UploadRoute::Direct);
    }
    Ok(match node(shared).await? {
        Some(node) => UploadRoute::Through { label: node.label },
        None => UploadRoute::NeedsNode,
    })
}

/// The account of the user's own node that content is added at: the first that was added.
pub(crate) async fn node(shared: &Shared) -> Result<Option<Account>, Error> {
    Ok(shared.store.accounts().await?.into_iter().find(|account| is_node(shared, account)))
}

/// The account that an upload to `account` is sent to: itself, or the user's own node.
///
/// # Errors
/// [`ProviderError::Unsupported`] where there is no such account.
pub(crate) async fn first_stop(shared: &Shared, account: &Account) -> Result<Account, Error> {
    if shared.access.capabilities(account).await?.upload.is_some() {
        return Ok(account.clone());
    }
    node(shared).await?.ok_or(Error::Provider(ProviderError::Unsupported { what: NEEDS_NODE }))
}

fn is_node(shared: &Shared, account: &Account) -> bool {
    matches!(account.kind, ProviderKind::Kubo | ProviderKind::Cluster) && shared.access.takes_files(account)
}

/// One try of one upload by way of a node.
pub(super) struct Relay<'a> {
    pub(super) shared: &'a Shared,
    pub(super) transfer: &'a Transfer,
    pub(super) target: &'a Account,
    /// When this try began.
    pub(super) since: Since,
    pub(super) place: &'a Place,
    pub(super) progress: Progress,
    pub(super) cancel: &'a CancellationToken,
}

/// What the node has, and the version of the file, where it is one.
type Added = (Receipt, Option<Fingerprint>);

impl Relay<'_> {
    pub(super) async fn run(self) -> Result<Finish, Error> {
        if let Some((receipt, version)) = self.unless_cancelled(self.added()).await?
            && let Some(pinned) = self.unless_cancelled(self.pin(&receipt)).await?
        {
            return Ok(finish(self.shared, self.target, receipt, version, pinned));
        }
        let (receipt, version) = self.add().await?;
        let pinned = self.unless_cancelled(self.pin(&receipt)).await?.ok_or_else(|| lost(&receipt))?;
        Ok(finish(self.shared, self.target, receipt, version, pinned))
    }

    /// What an earlier try has added at a node, unless something else is to be sent by now.
    async fn added(&self) -> Result<Option<Added>, Error> {
        let Some(added) = self.shared.store.receipt_of_transfer(&self.record()).await? else {
            return Ok(None);
        };
        if self.keeps_its_version() {
            return Ok(Some(added));
        }
        // What is gone, or cannot be looked at, is at the node all the same.
        if let Some(now) = self.version().await?
            && self.shared.store.relayed_version(&self.transfer.id).await? != Some(now)
        {
            self.shared.store.begin_relay_again(&self.transfer.id, &self.record()).await?;
            return Ok(None);
        }
        Ok(Some(added))
    }

    /// Whether what was added is what the transfer ends with, whatever lies here by now: each version that the service is
    /// asked for is another pin there. A watched file is taken in its new version all the same, and so is what the user tries
    /// again.
    fn keeps_its_version(&self) -> bool {
        let is_one_off = matches!(self.transfer.work, Work::Upload { folder: None, .. });
        is_one_off && self.transfer.pin.is_some() && self.transfer.attempts > 1
    }

    /// The version of what lies here now; `None` where it cannot be looked at.
    async fn version(&self) -> Result<Option<i64>, Error> {
        let (disk, place) = (Arc::clone(&self.shared.ports.disk), self.place.clone());
        let look = move || plan_at(&*disk, &place, Limits::NONE).ok().map(|plan| plan.version());
        tokio::task::spawn_blocking(look).await.map_err(|_| Error::Internal)
    }

    /// Adds the content at the node, with a pin and a receipt of its own there.
    async fn add(&self) -> Result<Added, Error> {
        let node = node(self.shared).await?;
        let node = node.ok_or(Error::Provider(ProviderError::Unsupported { what: NEEDS_NODE }))?;
        let record = self.record();
        // Of before it is read: what changes meanwhile is noticed, if need be once too often.
        let version = self.unless_cancelled(self.version()).await?;
        self.shared.store.set_relayed_version(&self.transfer.id, version).await?;
        let upload = Upload {
            shared: self.shared,
            transfer: self.transfer,
            record: &record,
            account: &node,
            place: self.place,
            progress: self.progress.clone(),
            cancel: self.cancel,
        };
        let (finish, _turn) = self.at_node(&node, upload.run().await)?;
        let (now, pin) = (self.shared.ports.clock.now(), finish.pin().clone());
        self.shared.store.relay_added(&self.transfer.id, &record, finish, now).await?;
        self.shared.announce(Change::Pins(Which::one(pin)));
        let added = self.shared.store.receipt_of_transfer(&record).await?;
        added.ok_or(Error::Internal)
    }

    /// The pin at the service, pinned; asks for it where there is none yet. `None` when the node has the content no more.
    async fn pin(&self, receipt: &Receipt) -> Result<Option<ProviderPin>, Error> {
        let provider = self.shared.access.provider(self.target).await?;
        if let Some(pin) = self.asked_for(&provider, receipt).await? {
            return settled(pin).map(Some);
        }
        let node = self.shared.store.account(&receipt.pin.account).await?;
        let node = node.ok_or(Error::Provider(ProviderError::Unsupported { what: NEEDS_NODE }))?;
        let Some(origins) = self.origins(&node, receipt).await? else { return Ok(None) };
        let name = Some(self.transfer.name.as_str()).filter(|name| !name.is_empty());
        let request = PinRequest { cid: &receipt.cid, name, metadata: &self.transfer.metadata, origins: &origins };
        let pin = match provider.pin(request).await {
            Ok(pin) => pin,
            Err(error @ ProviderError::AlreadyExists { .. }) => {
                find::at_provider(&provider, &[receipt.cid]).await?.ok_or(error)?
            }
            Err(error) => return Err(error.into()),
        };
        self.note(&pin, receipt).await?;
        settled(pin).map(Some)
    }

    /// The pin that an earlier try asked for, or that is there for another reason.
    async fn asked_for(&self, provider: &Arc<dyn Provider>, receipt: &Receipt) -> Result<Option<ProviderPin>, Error> {
        if let Some(id) = &self.transfer.pin {
            match provider.get(id).await {
                // One that failed is asked for anew when the user tries again.
                Ok(pin) if pin.status == PinStatus::Failed && self.transfer.attempts == 1 => {
                    match provider.unpin(id).await {
                        Ok(()) | Err(ProviderError::NotFound { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                    let key = PinKey { account: self.target.id.clone(), id: id.clone() };
                    self.shared.store.forget_pin(&key, self.shared.ports.clock.now()).await?;
                }
                Ok(pin) if same_content(&pin.cid, &receipt.cid) => return Ok(Some(pin)),
                Ok(_) | Err(ProviderError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let found = find::anywhere(self.shared, self.target, provider, &[receipt.cid]).await?;
        if let Some(pin) = &found {
            self.note(pin, receipt).await?;
        }
        Ok(found)
    }

    /// Where the service can get the content; `None` when the node has lost it meanwhile.
    async fn origins(&self, node: &Account, receipt: &Receipt) -> Result<Option<Vec<String>>, Error> {
        let asked = async {
            let provider = self.shared.access.provider(node).await?;
            match provider.get(&receipt.pin.id).await {
                Ok(pin) if pin.status != PinStatus::Unpinned => {}
                Ok(_) | Err(ProviderError::NotFound { .. }) => {
                    self.shared.store.begin_relay_again(&self.transfer.id, &self.record()).await?;
                    self.shared.store.forget_pin(&receipt.pin, self.shared.ports.clock.now()).await?;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
            Ok(Some(provider.addresses().await?))
        };
        let Some(mut origins) = self.at_node(node, asked.await)? else { return Ok(None) };
        origins.retain(|address| address.rsplit('/').nth(1) == Some("p2p"));
        origins.truncate(MAX_ORIGINS);
        Ok(Some(origins))
    }

    /// Writes down the pin that is waited for, and shows it.
    async fn note(&self, pin: &ProviderPin, receipt: &Receipt) -> Result<(), Error> {
        if !same_content(&pin.cid, &receipt.cid) {
            return Err(Error::OtherCid { asked: receipt.cid.to_string(), theirs: pin.cid.to_string() });
        }
        let now = self.shared.ports.clock.now();
        self.shared.store.note_asked_for(&self.transfer.id, &self.target.id, pin, now).await?;
        let key = PinKey { account: self.target.id.clone(), id: pin.id.clone() };
        self.shared.announce(Change::Pins(Which::one(key)));
        Ok(())
    }

    async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::select! {
            result = work => result,
            () = self.cancel.cancelled() => Err(Error::Cancelled),
        }
    }

    /// Says of what went wrong at the node that it was there.
    fn at_node<T>(&self, node: &Account, result: Result<T, Error>) -> Result<T, Error> {
        self.shared.access.note(&node.id, self.since, result.as_ref().err());
        result.map_err(|error| match error {
            error @ (Error::Provider(_)
            | Error::NoSecret { .. }
            | Error::Vault(_)
            | Error::CidMismatch { .. }
            | Error::ContentDiffers { .. }) => Error::AtNode { label: node.label.clone(), source: Box::new(error) },
            error => error,
        })
    }

    /// What the receipt of the node is kept under; the transfer's own is that of the service.
    fn record(&self) -> TransferId {
        TransferId(format!("{}/node", self.transfer.id))
    }
}

/// The pin, unless it came to nothing. What the service is still fetching is followed from then on.
fn settled(pin: ProviderPin) -> Result<ProviderPin, Error> {
    match pin.status {
        PinStatus::Failed | PinStatus::Unpinned => {
            Err(Error::PinFailed { reason: pin.message.unwrap_or(pin.raw_status) })
        }
        PinStatus::Pinned | PinStatus::Stored | PinStatus::Queued | PinStatus::Fetching | PinStatus::Unknown => Ok(pin),
    }
}

/// The node took the content a moment ago, and does not have it.
fn lost(receipt: &Receipt) -> Error {
    Error::NoSuch { what: "pin", id: receipt.pin.id.0.clone() }
}

/// The service has what the node has: the CID is the same.
fn finish(
    shared: &Shared,
    target: &Account,
    at_node: Receipt,
    version: Option<Fingerprint>,
    mut pin: ProviderPin,
) -> Finish {
    pin.bytes = pin.bytes.or(Some(at_node.bytes));
    let key = PinKey { account: target.id.clone(), id: pin.id.clone() };
    let receipt = Receipt { pin: key, cid: pin.cid, at: shared.ports.clock.now(), ..at_node };
    Finish::Pinned {
        pin: Box::new(pin),
        proof: receipt.proof,
        receipt: Box::new(receipt),
        version,
        learnt_profile: None,
    }
}

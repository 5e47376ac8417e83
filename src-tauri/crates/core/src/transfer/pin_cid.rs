//! Pinning by CID: the provider gets the content from elsewhere, or from here where it was sent from here before.

use std::{path::PathBuf, sync::Arc};

use holdfast_content::{Cid, same_content};
use tokio_util::sync::CancellationToken;

use super::{Attempted, Transfer, find, upload::Upload};
use crate::{
    account::Account,
    content::{Plan, Progress},
    disk::Place,
    engine::Shared,
    error::Error,
    ids::{PinId, PinKey},
    pin::{ContentProof, PinStatus, ProviderPin, Receipt},
    provider::{PinRequest, Provider, ProviderError},
    store::Finish,
};

/// One try to pin a CID.
pub(super) struct PinTask<'a> {
    pub(super) shared: &'a Shared,
    pub(super) transfer: &'a Transfer,
    pub(super) account: &'a Account,
    pub(super) cid: &'a Cid,
    pub(super) progress: Progress,
    pub(super) cancel: &'a CancellationToken,
}

impl PinTask<'_> {
    /// It ends when the service has taken the request; what becomes of the pin is followed by the mirror.
    pub(super) async fn run(self) -> Result<Attempted, Error> {
        let Self { shared, transfer, account, cid, .. } = self;
        let provider = shared.access.provider(account).await?;
        let (mut known, failed) = self.earlier(&provider).await?;
        if known.is_none() && transfer.unanswered_since.is_some() {
            // Asking again without looking would pin it twice where the service allows that.
            known = find::at_provider(&provider, &[*cid]).await?;
        }
        let here = if known.is_none() { self.still_here().await? } else { None };
        if let Some(failed) = failed {
            // It goes only where there is something to come in its place.
            if known.is_none() && here.is_none() {
                shared.can_get(account, *cid).await?;
            }
            self.remove(&provider, &failed).await?;
        }
        match (known, here) {
            (None, Some((place, plan))) => {
                let (finish, turn) = self.upload(&place).send_again(plan, &provider).await?;
                Ok((finish, Some(turn)))
            }
            (known, _) => Ok((self.ask(&provider, known).await?, None)),
        }
    }

    /// The service's pin of the CID, which it is asked for unless it is known.
    async fn ask(&self, provider: &Arc<dyn Provider>, known: Option<ProviderPin>) -> Result<Finish, Error> {
        let &Self { shared, transfer, account, cid, .. } = self;
        let pin = match known {
            Some(pin) => pin,
            None => {
                shared.store.set_unanswered(&transfer.id, Some(shared.ports.clock.now())).await?;
                let name = Some(transfer.name.as_str()).filter(|name| !name.is_empty());
                let request = PinRequest { cid, name, metadata: &transfer.metadata, origins: &[] };
                match provider.pin(request).await {
                    Ok(pin) => pin,
                    Err(error) => {
                        if !error.leaves_open_what_happened() {
                            shared.store.set_unanswered(&transfer.id, None).await?;
                        }
                        let found = match error {
                            ProviderError::AlreadyExists { .. } => find::at_provider(provider, &[*cid]).await?,
                            _ => None,
                        };
                        found.ok_or(error)?
                    }
                }
            }
        };
        if !same_content(&pin.cid, cid) {
            return Err(Error::OtherCid { asked: cid.to_string(), theirs: pin.cid.to_string() });
        }
        // The answer to a request is often older than what it led to.
        let pin = match pin.status.is_under_way() {
            true => provider.get(&pin.id).await.ok().filter(|now| same_content(&now.cid, cid)).unwrap_or(pin),
            false => pin,
        };
        let receipt = Receipt {
            pin: PinKey { account: account.id.clone(), id: pin.id.clone() },
            cid: pin.cid,
            proof: ContentProof::NotChecked,
            profile: None,
            reason: None,
            compared_at: None,
            source: None,
            bytes: pin.bytes.unwrap_or(0),
            at: shared.ports.clock.now(),
        };
        Ok(Finish::Pinned {
            pin: Box::new(pin),
            proof: ContentProof::NotChecked,
            receipt: Box::new(receipt),
            version: None,
            learnt_profile: None,
        })
    }

    /// The pin that an earlier try was given; beside that, one that has failed and is to be asked for anew, because a person
    /// tries again.
    async fn earlier(&self, provider: &Arc<dyn Provider>) -> Result<(Option<ProviderPin>, Option<ProviderPin>), Error> {
        let Some(id) = &self.transfer.pin else { return Ok((None, None)) };
        let pin = match provider.get(id).await {
            Ok(pin) if same_content(&pin.cid, self.cid) => pin,
            Ok(_) | Err(ProviderError::NotFound { .. }) => return Ok((None, None)),
            Err(error) => return Err(error.into()),
        };
        let has_ended = matches!(pin.status, PinStatus::Failed | PinStatus::Unpinned);
        if has_ended && self.transfer.attempts <= 1 {
            return Ok((None, Some(pin)));
        }
        // Services show for a while what was removed by the first try.
        let was_removed = has_ended && self.shared.store.pin(&self.key(id)).await?.is_none();
        Ok((Some(pin).filter(|_| !was_removed), None))
    }

    async fn remove(&self, provider: &Arc<dyn Provider>, failed: &ProviderPin) -> Result<(), Error> {
        match provider.unpin(&failed.id).await {
            Ok(()) | Err(ProviderError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.shared.store.forget_pin(&self.key(&failed.id), self.shared.ports.clock.now()).await?)
    }

    /// What the earlier pin's bytes were read from, if it still is that content and can be sent.
    async fn still_here(&self) -> Result<Option<(Place, Arc<Plan>)>, Error> {
        let Some(id) = &self.transfer.pin else { return Ok(None) };
        for path in self.shared.sources_of(self.account, &self.key(id)).await? {
            let place = Place::of(&path);
            if let Some(plan) = self.upload(&place).plan_of(self.cid).await? {
                return Ok(Some((place, plan)));
            }
        }
        Ok(None)
    }

    fn key(&self, id: &PinId) -> PinKey {
        PinKey { account: self.account.id.clone(), id: id.clone() }
    }

    fn upload<'a>(&'a self, place: &'a Place) -> Upload<'a> {
        Upload {
            shared: self.shared,
            transfer: self.transfer,
            record: &self.transfer.id,
            account: self.account,
            place,
            progress: self.progress.clone(),
            cancel: self.cancel,
        }
    }
}

impl Shared {
    /// Whence an account's pin was sent, last first, where that could be sent again.
    pub(crate) async fn sources_of(&self, account: &Account, pin: &PinKey) -> Result<Vec<PathBuf>, Error> {
        let sources = self.store.sources_of(pin).await?;
        let may_send = !sources.is_empty() && self.access.capabilities(account).await?.upload.is_some();
        Ok(if may_send { sources } else { Vec::new() })
    }
}

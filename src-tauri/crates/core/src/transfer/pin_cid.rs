//! Pinning by CID: the provider gets the content from elsewhere.

use std::sync::Arc;

use holdfast_content::{Cid, same_content};

use super::{Transfer, find};
use crate::{
    account::Account,
    engine::Shared,
    error::Error,
    ids::PinKey,
    pin::{ContentProof, PinStatus, ProviderPin, Receipt},
    provider::{PinRequest, Provider, ProviderError},
    store::Finish,
};

/// One try to pin a CID. It ends when the service has taken the request; what becomes of the pin is followed by the mirror.
pub(super) async fn run(shared: &Shared, transfer: &Transfer, account: &Account, cid: &Cid) -> Result<Finish, Error> {
    let provider = shared.access.provider(account).await?;
    let mut known = earlier(shared, &provider, transfer, account, cid).await?;
    if known.is_none() && transfer.unanswered_since.is_some() {
        // Asking again without looking would pin it twice where the service allows that.
        known = find::at_provider(&provider, &[*cid]).await?;
    }
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
                        ProviderError::AlreadyExists { .. } => find::at_provider(&provider, &[*cid]).await?,
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

/// The pin that an earlier try was given. One that failed is removed, to be asked for anew, where the user tries again.
async fn earlier(
    shared: &Shared,
    provider: &Arc<dyn Provider>,
    transfer: &Transfer,
    account: &Account,
    cid: &Cid,
) -> Result<Option<ProviderPin>, Error> {
    let Some(id) = &transfer.pin else { return Ok(None) };
    let pin = match provider.get(id).await {
        Ok(pin) if same_content(&pin.cid, cid) => pin,
        Ok(_) | Err(ProviderError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if transfer.attempts > 1 || !matches!(pin.status, PinStatus::Failed | PinStatus::Unpinned) {
        return Ok(Some(pin));
    }
    match provider.unpin(id).await {
        Ok(()) | Err(ProviderError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let key = PinKey { account: account.id.clone(), id: id.clone() };
    shared.store.forget_pin(&key, shared.ports.clock.now()).await?;
    Ok(None)
}

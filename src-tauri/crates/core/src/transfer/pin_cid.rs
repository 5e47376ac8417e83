//! Pinning by CID: the provider gets the content from elsewhere.

use holdfast_content::{Cid, same_content};

use super::{Transfer, find};
use crate::{
    account::Account,
    engine::Shared,
    error::Error,
    pin::{PinKey, Proof, Receipt},
    provider::{PinRequest, ProviderError},
    store::Finish,
};

/// One try to pin a CID.
pub(super) async fn run(shared: &Shared, transfer: &Transfer, account: &Account, cid: &Cid) -> Result<Finish, Error> {
    let provider = shared.access.provider(account).await?;
    let lost = match transfer.unanswered_since {
        // Asking again without looking would pin it twice where the service allows that.
        Some(_) => find::at_provider(&provider, &[*cid]).await?,
        None => None,
    };
    let pin = match lost {
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
    let receipt = Receipt {
        pin: PinKey { account: account.id.clone(), id: pin.id.clone() },
        cid: pin.cid,
        proof: Proof::NotChecked,
        profile: None,
        reason: None,
        compared_at: None,
        source: None,
        bytes: pin.bytes.unwrap_or(0),
        at: shared.ports.clock.now(),
    };
    Ok(Finish::Pinned {
        pin: Box::new(pin),
        proof: Proof::NotChecked,
        receipt: Box::new(receipt),
        version: None,
        learnt_profile: None,
    })
}

//! Finding out whether an account has some content already, so that nothing is sent or asked for twice.

use std::sync::Arc;

use futures_util::StreamExt;
use holdfast_content::{Cid, same_content};

use crate::{
    account::Account,
    engine::Shared,
    error::Error,
    pin::{PinStatus, ProviderPin, mirror::is_shown},
    provider::{Provider, ProviderError},
};

/// Pages looked through, newest first, before a CID counts as not there.
const MAX_PAGES: usize = 200;

/// A pin of any of `cids` that the mirror knows and the provider confirms.
pub(super) async fn in_mirror(
    shared: &Shared,
    account: &Account,
    provider: &Arc<dyn Provider>,
    cids: &[Cid],
) -> Result<Option<ProviderPin>, Error> {
    for cid in cids {
        for pin in shared.store.pins_of_cid(&account.id, *cid).await? {
            match provider.get(&pin.held.id).await {
                Ok(held) if is_live(&held) => return Ok(Some(held)),
                Ok(_) | Err(ProviderError::NotFound { .. }) => {
                    shared.store.forget_pin(&pin.key(), shared.ports.clock.now()).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(None)
}

/// A pin of any of `cids` that the mirror knows, else one in the provider's list.
pub(super) async fn anywhere(
    shared: &Shared,
    account: &Account,
    provider: &Arc<dyn Provider>,
    cids: &[Cid],
) -> Result<Option<ProviderPin>, Error> {
    match in_mirror(shared, account, provider, cids).await? {
        Some(pin) => Ok(Some(pin)),
        None => at_provider(provider, cids).await,
    }
}

/// A pin of any of `cids` in the provider's list.
pub(crate) async fn at_provider(provider: &Arc<dyn Provider>, cids: &[Cid]) -> Result<Option<ProviderPin>, Error> {
    let wanted = |pin: &ProviderPin| is_live(pin) && cids.iter().any(|cid| same_content(cid, &pin.cid));
    let mut pages = provider.list(cids).take(MAX_PAGES);
    while let Some(page) = pages.next().await {
        if let Some(found) = page?.pins.into_iter().find(wanted) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn is_live(pin: &ProviderPin) -> bool {
    is_shown(pin) && !matches!(pin.status, PinStatus::Unpinned | PinStatus::Failed)
}

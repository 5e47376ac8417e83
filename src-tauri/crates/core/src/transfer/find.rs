//! Finding out whether an account has some content already, so that nothing is sent or asked for twice.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use holdfast_content::{Cid, same_content};

use crate::{
    account::Account,
    clock::UnixMillis,
    engine::Shared,
    error::Error,
    pin::{PinStatus, ProviderPin, mirror::is_shown},
    provider::{Paging, Provider, ProviderError},
};

/// Pages looked through, newest first, before a CID counts as not there.
const MAX_PAGES: usize = 200;

/// The same where only what is new is looked through.
const MAX_NEWER_PAGES: usize = 10;

/// How far the clocks of a service's machines may be from each other.
const CLOCKS_DIFFER: Duration = Duration::from_secs(600);

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
                // It came to nothing, and is still to be seen.
                Ok(held) if held.status == PinStatus::Failed => {}
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
    let mut pages = provider.list(cids).take(MAX_PAGES);
    while let Some(page) = pages.next().await {
        if let Some(found) = among(page?.pins, cids) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A pin of any of `cids` among those.
pub(super) fn among(pins: Vec<ProviderPin>, cids: &[Cid]) -> Option<ProviderPin> {
    pins.into_iter().find(|pin| is_live(pin) && cids.iter().any(|cid| same_content(cid, &pin.cid)))
}

/// What may have come to be at the provider since its newest pin was that of `newest_then`, by its own clock: a page or two
/// where its list begins with the newest. `None` where that cannot be told: its list has another order, or there is too much.
pub(super) async fn newer_than(
    provider: &Arc<dyn Provider>,
    paging: Paging,
    newest_then: Option<UnixMillis>,
) -> Result<Option<Vec<ProviderPin>>, Error> {
    if paging == Paging::Whole {
        return Ok(None);
    }
    let earliest = newest_then.map(|at| at.minus(CLOCKS_DIFFER));
    let is_older = |pin: &ProviderPin| pin.pinned_at.zip(earliest).is_some_and(|(at, earliest)| at < earliest);
    let (mut newer, mut pages_seen) = (Vec::new(), 0);
    let mut pages = provider.list(&[]).take(MAX_NEWER_PAGES);
    while let Some(page) = pages.next().await {
        pages_seen += 1;
        let page = page?.pins;
        let is_last = page.iter().any(is_older);
        newer.extend(page.into_iter().filter(|pin| !is_older(pin)));
        if is_last {
            return Ok(Some(newer));
        }
    }
    // A list that ended is all new; one that goes on may have it further down.
    Ok((pages_seen < MAX_NEWER_PAGES).then_some(newer))
}

fn is_live(pin: &ProviderPin) -> bool {
    is_shown(pin) && !matches!(pin.status, PinStatus::Unpinned | PinStatus::Failed)
}

//! Following the providers: the mirror of an account's pins is brought up to date page by page.

use super::{PinStatus, ProviderPin};
use crate::{
    account::{Account, AccountId},
    engine::{Change, Shared},
    error::Error,
    provider::ProviderError,
};

/// Rows asked for at once; what every known service gives.
const PAGE_ROWS: u32 = 100;

/// Listings begun anew because pins came or went meanwhile, before the last one is taken as it is.
const MAX_PASSES: u32 = 3;

/// Pins asked for one by one in one round.
const MAX_POLLED: u32 = 50;

/// Follows the account's whole list. What is not in it any more is removed from the mirror, and only after a listing
/// that came to its end.
pub(crate) async fn refresh(shared: &Shared, account: &Account) -> Result<(), Error> {
    let result = list_all(shared, account).await;
    shared.access.note(&account.id, result.as_ref().err());
    shared.announce(Change::Accounts);
    result
}

/// Asks for the pins that the provider is still working on. Says how many there were.
pub(crate) async fn poll_under_way(shared: &Shared, account: &Account) -> Result<usize, Error> {
    let ids = shared.store.pins_under_way(&account.id, MAX_POLLED).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let provider = shared.access.provider(account).await?;
    for id in &ids {
        match provider.get(id).await {
            Ok(pin) => observe(shared, &account.id, vec![pin]).await?,
            Err(ProviderError::NotFound { .. }) => {
                let key = super::PinKey { account: account.id.clone(), id: id.clone() };
                shared.store.forget_pin(&key).await?;
                shared.announce(Change::Pins);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ids.len())
}

/// Whether the user should see it. A pin that was removed in the ordinary way is history; one that the service removed
/// by itself is news.
pub(crate) fn is_shown(pin: &ProviderPin) -> bool {
    pin.status != PinStatus::Unpinned || pin.message.is_some()
}

async fn list_all(shared: &Shared, account: &Account) -> Result<(), Error> {
    let provider = shared.access.provider(account).await?;
    for pass in 1..=MAX_PASSES {
        let began = shared.ports.clock.now();
        let (mut offset, mut first_total, mut steady) = (0, None, true);
        loop {
            let page = provider.list(offset, PAGE_ROWS).await?;
            steady &= *first_total.get_or_insert(page.total) == page.total;
            offset += page.rows;
            observe(shared, &account.id, page.pins).await?;
            let at_end = match page.total {
                Some(total) => offset >= total,
                None => page.rows < u64::from(PAGE_ROWS),
            };
            if at_end || page.rows == 0 {
                break;
            }
        }
        if steady || pass == MAX_PASSES {
            if shared.store.forget_unseen_pins(&account.id, began).await? {
                shared.announce(Change::Pins);
            }
            break;
        }
    }
    Ok(())
}

async fn observe(shared: &Shared, account: &AccountId, pins: Vec<ProviderPin>) -> Result<(), Error> {
    let now = shared.ports.clock.now();
    let pins: Vec<_> = pins.into_iter().filter(is_shown).collect();
    if !pins.is_empty() && shared.store.observe_pins(account, pins, now).await? {
        shared.announce(Change::Pins);
    }
    Ok(())
}

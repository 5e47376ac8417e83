//! Following the providers: the mirror of an account's pins is brought up to date page by page.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;

use super::{
    Known, PinId, PinKey, PinStatus, ProviderPin,
    pace::{Effort, Walked},
    reading::List,
};
use crate::{
    account::{Account, Since},
    clock::UnixMillis,
    engine::{Change, Shared, Which},
    error::Error,
    ids::AccountId,
    provider::{Gap, Paging, Provider, ProviderError},
    store::Written,
};

/// Listings begun anew because pins came or went meanwhile, before the last one is taken as it is.
const MAX_PASSES: u32 = 3;

/// Pins of a list that may be written together, and how long pages are gathered for that: every write touches pages all over
/// the indexes, and many together touch them once.
const MOST_UNWRITTEN: usize = 20_000;
const MOST_UNWRITTEN_BYTES: usize = 8 << 20;
const LONGEST_UNWRITTEN: Duration = Duration::from_secs(1);

/// Between two words about how far a list is read; one that takes no longer is not spoken of.
const OFTEN_ENOUGH: Duration = Duration::from_secs(1);

/// Pins asked for one by one in one round: those last asked for longest ago.
const MAX_POLLED: u32 = 10;

/// The same for those that it was asked for a moment ago, whose rounds follow each other sooner.
const MAX_LOOKED_AT: u32 = 2;

/// Pages that are looked through for what is new; the rest is seen when the whole list is gone through.
const MOST_NEW_PAGES: usize = 10;

/// Pins that are found to be there still before a list without them counts as cut.
const MOST_STILL_THERE: usize = 100;

/// Follows the account's whole list. What is not in it any more is removed from the mirror, and only after a listing
/// that came to its end.
pub(crate) async fn refresh(shared: &Shared, account: &Account) -> Result<(), Error> {
    // Nothing of it could be kept.
    shared.store.can_be_written()?;
    // Two lists of one account at a time would take each other's word for what is there.
    let _turn = shared.list_turns.take(account.id.clone()).await;
    listed(shared, account).await
}

/// Follows the account's whole list where that went with a damaged database: what may be there already is not sent before.
pub(crate) async fn refresh_if_unlisted(shared: &Shared, account: &AccountId) -> Result<(), Error> {
    if !shared.is_unlisted(account) {
        return Ok(());
    }
    let Some(account) = shared.store.account(account).await? else { return Ok(()) };
    let _turn = shared.list_turns.take(account.id.clone()).await;
    // Somebody else's turn may have done it.
    if shared.is_unlisted(&account.id) { listed(shared, &account).await } else { Ok(()) }
}

async fn listed(shared: &Shared, account: &Account) -> Result<(), Error> {
    let since = shared.access.moment();
    let mut effort = Effort::default();
    let result = list_all(shared, account, shared.reading.begin(&account.id), &mut effort).await;
    let walked = Walked { at: shared.ports.clock.now(), requests: effort.requests() };
    shared.store.has_walked(&account.id, walked).await?;
    let result = match result {
        Ok(()) => shared.is_listed(&account.id).await,
        failed => failed,
    };
    heard(shared, account, since, result).await
}

/// Notes what asking for an account's list came to, and tells of it.
async fn heard(shared: &Shared, account: &Account, since: Since, result: Result<(), Error>) -> Result<(), Error> {
    shared.access.note_listing(&account.id, since, result.as_ref().err());
    if result.is_ok() {
        shared.answered(&account.id).await;
        // Its transfers may have been waiting for that.
        shared.wake.notify_one();
    }
    shared.keep_contact(&account.id).await?;
    shared.announce(Change::Accounts(Which::one(account.id.clone())));
    result
}

/// Follows what is new in the account's list where it is too long to be gone through at each look, else all of it.
pub(crate) async fn look(shared: &Shared, account: &Account) -> Result<(), Error> {
    let walked = shared.store.walked(&account.id).await?;
    if walked.is_none_or(|walked| walked.is_due(shared.ports.clock.now())) {
        return refresh(shared, account).await;
    }
    let _turn = shared.list_turns.take(account.id.clone()).await;
    let since = shared.access.moment();
    let seen = match what_is_new(shared, account).await {
        Ok(new) => observe(shared, &account.id, new, shared.ports.clock.now()).await,
        Err(error) => Err(error),
    };
    heard(shared, account, since, seen).await
}

/// What a list begins with that is not known: all that is new, where it begins with the newest.
async fn what_is_new(shared: &Shared, account: &Account) -> Result<Vec<ProviderPin>, Error> {
    let provider = shared.access.provider(account).await?;
    let mut new = Vec::new();
    if shared.access.capabilities(account).await?.paging == Paging::Whole {
        // Whether it answers is known all the same.
        provider.test().await?;
        return Ok(new);
    }
    let mut pages = provider.list(&[]).take(MOST_NEW_PAGES);
    while let Some(page) = pages.next().await {
        let news = shared.store.news_among(&account.id, page?.pins).await?;
        if news.is_empty() {
            break;
        }
        new.extend(news);
    }
    Ok(new)
}

/// Which of the pins that a provider is still working on it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnderWay {
    /// All in their turns.
    All,
    /// Only those that transfers wait for.
    AskedFor,
    /// Of these only those that it was asked for after that.
    AskedForSince(UnixMillis),
}

/// Asks for the pins that the provider is still working on.
pub(crate) async fn poll_under_way(shared: &Shared, account: &Account, which: UnderWay) -> Result<(), Error> {
    let store = &shared.store;
    store.can_be_written()?;
    let ids = match which {
        UnderWay::All => store.pins_under_way(&account.id, MAX_POLLED).await?,
        UnderWay::AskedFor => store.pins_asked_for(&account.id, None, MAX_POLLED).await?,
        UnderWay::AskedForSince(since) => store.pins_asked_for(&account.id, Some(since), MAX_LOOKED_AT).await?,
    };
    if ids.is_empty() {
        return Ok(());
    }
    // Those that cannot be asked about wait for their next turn like the others.
    shared.store.note_asked(&account.id, ids.clone(), shared.ports.clock.now()).await?;
    let provider = shared.access.provider(account).await?;
    let since = shared.access.moment();
    for id in ids {
        ask_about(shared, account, &provider, id).await?;
    }
    shared.access.note(&account.id, since, None);
    shared.answered(&account.id).await;
    Ok(())
}

/// Whether the user should see it. A pin that was removed in the ordinary way is history; one that the service removed
/// by itself is news.
pub(crate) fn is_shown(pin: &ProviderPin) -> bool {
    pin.status != PinStatus::Unpinned || pin.message.is_some()
}

async fn list_all(shared: &Shared, account: &Account, reading: List<'_>, effort: &mut Effort) -> Result<(), Error> {
    let provider = shared.access.provider(account).await?;
    let first_began = shared.ports.clock.now();
    let mut earlier = Known::default();
    for pass in 1..=MAX_PASSES {
        let began = shared.ports.clock.now();
        let mut listing = list_once(shared, account, &provider, (began, &reading), effort).await?;
        if !listing.whole {
            break;
        }
        if listing.steady {
            forget_unlisted(shared, account, &provider, &listing, began).await?;
            break;
        }
        // A list that never stood still may have hidden a pin from one pass, hardly from all.
        listing.known.lists_all_of(&earlier);
        if pass == MAX_PASSES {
            forget_unlisted(shared, account, &provider, &listing, first_began).await?;
        }
        earlier = listing.known;
    }
    Ok(())
}

/// How one pass through a provider's list went.
struct Listing {
    /// No row moved past the pages while they were asked for.
    steady: bool,
    /// Every row was shown and understood.
    whole: bool,
    /// The end was seen as such.
    ended: bool,
    /// What the mirror had when it began, and what of that the list has.
    known: Known,
}

/// Goes through the list once. Pages are written, several together, while the next one is under way; pins that are as they
/// were are not.
async fn list_once(
    shared: &Shared,
    account: &Account,
    provider: &Arc<dyn Provider>,
    (began, reading): (UnixMillis, &List<'_>),
    effort: &mut Effort,
) -> Result<Listing, Error> {
    let clock = &shared.ports.clock;
    let (mut understood, mut not_understood) = (0, 0);
    let mut told_at = clock.monotonic();
    shared.unpinned().retain(|key| key.account != account.id);
    let known = shared.store.known_pins(&account.id).await?;
    let mut listing = Listing { steady: true, whole: true, ended: true, known };
    let mut pages = provider.list(&[]);
    let (mut unwritten, mut written_at) = (Vec::new(), None);
    let mut next = pages.next().await;
    while let Some(page) = next {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                observe(shared, &account.id, unwritten, began).await?;
                return Err(error.into());
            }
        };
        understood += page.pins.len() as u64;
        effort.add(page.pins.len() as u64);
        reading.is_at(understood);
        if clock.monotonic().saturating_sub(told_at) >= OFTEN_ENOUGH {
            told_at = clock.monotonic();
            shared.announce(Change::Accounts(Which::one(account.id.clone())));
        }
        not_understood += page.not_understood;
        listing.whole &= page.not_understood == 0 && page.gap != Some(Gap::Truncated);
        listing.steady &= page.gap != Some(Gap::Moved);
        listing.ended &= page.gap != Some(Gap::Unended);
        unwritten.extend(page.pins.into_iter().filter(|pin| listing.known.is_news(pin)));
        let waited = written_at.is_none_or(|at| clock.monotonic().saturating_sub(at) >= LONGEST_UNWRITTEN);
        let unwritten_bytes: usize = unwritten.iter().map(ProviderPin::text_bytes).sum();
        if waited || unwritten.len() >= MOST_UNWRITTEN || unwritten_bytes >= MOST_UNWRITTEN_BYTES {
            let pins = std::mem::take(&mut unwritten);
            let observed;
            (observed, next) = tokio::join!(observe(shared, &account.id, pins, began), pages.next());
            observed?;
            // From its end on: a write that takes long is not followed by one of the few pins that came meanwhile.
            written_at = Some(clock.monotonic());
        } else {
            next = pages.next().await;
        }
    }
    observe(shared, &account.id, unwritten, began).await?;
    if understood == 0 && not_understood > 0 {
        return Err(ProviderError::Protocol { reason: "no pin of its list is what the API says".into() }.into());
    }
    Ok(listing)
}

/// Removes what a list does not have any more and nobody has spoken of since.
async fn forget_unlisted(
    shared: &Shared,
    account: &Account,
    provider: &Arc<dyn Provider>,
    listing: &Listing,
    since: UnixMillis,
) -> Result<(), Error> {
    let unlisted = listing.known.unlisted();
    if unlisted.is_empty() {
        return Ok(());
    }
    let gone = shared.store.pins_unheard_of(&account.id, unlisted, since, shared.ports.clock.now()).await?;
    if !listing.ended {
        let mut still_there = 0;
        for id in gone {
            still_there += usize::from(ask_about(shared, account, provider, id).await?);
            if still_there == MOST_STILL_THERE {
                break;
            }
        }
        return Ok(());
    }
    forget(shared, gone.into_iter().map(|id| PinKey { account: account.id.clone(), id }).collect()).await
}

/// Asks for one pin. Says whether it may be there.
async fn ask_about(shared: &Shared, account: &Account, provider: &Arc<dyn Provider>, id: PinId) -> Result<bool, Error> {
    match provider.get(&id).await {
        Ok(pin) => {
            observe(shared, &account.id, vec![pin], shared.ports.clock.now()).await?;
            Ok(true)
        }
        Err(ProviderError::NotFound { .. }) => {
            forget(shared, vec![PinKey { account: account.id.clone(), id }]).await?;
            Ok(false)
        }
        // What is wrong with one pin is not wrong with the next.
        Err(ProviderError::Protocol { reason }) => {
            tracing::debug!(pin = %id, reason, "a pin cannot be asked about");
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

async fn forget(shared: &Shared, keys: Vec<PinKey>) -> Result<(), Error> {
    if !keys.is_empty() {
        let which = keys.iter().cloned().collect();
        let written = shared.store.forget_pins(keys, shared.ports.clock.now()).await?;
        announce(shared, written, which);
    }
    Ok(())
}

fn announce(shared: &Shared, written: Written, pins: Which<PinKey>) {
    if written.pins {
        shared.announce(Change::Pins(pins));
    }
    if written.transfers {
        shared.announce(Change::Transfers(Which::Many));
        shared.announce(Change::Folders);
    }
}

async fn observe(shared: &Shared, account: &AccountId, pins: Vec<ProviderPin>, seen: UnixMillis) -> Result<(), Error> {
    let key = |pin: &ProviderPin| PinKey { account: account.clone(), id: pin.id.clone() };
    let (shown, hidden): (Vec<_>, Vec<_>) = pins.into_iter().partition(is_shown);
    forget(shared, hidden.iter().map(key).collect()).await?;
    let pins: Vec<_> = {
        let unpinned = shared.unpinned();
        shown.into_iter().filter(|pin| !unpinned.contains(&key(pin))).collect()
    };
    if !pins.is_empty() {
        let which = pins.iter().map(key).collect();
        let written = shared.store.observe_pins(account, pins, seen, shared.ports.clock.now()).await?;
        announce(shared, written, which);
    }
    Ok(())
}

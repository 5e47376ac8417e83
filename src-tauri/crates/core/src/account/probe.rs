//! The check of an account: what its service really does, tried with a pin of the check's own that is always removed.
//!
//! Nothing that was there before is changed. What a check made is written down before it is asked for, so that the next check
//! removes what one that was cut off left behind.

mod own_pins;
mod trials;

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::StreamExt;

use super::{
    Account, AccountCard, Deletion, Duplicates,
    sample::{Mark, is_left_behind},
};
use crate::{
    engine::Shared,
    error::Error,
    ids::PinId,
    pin::{PinStatus, ProviderPin},
    provider::{Capabilities, Gap, Provider, ProviderError},
};

/// Pages of the list that are looked at: enough to see how it goes on, and to find what another check left behind.
const PAGES_LOOKED_AT: usize = 20;

/// Between two looks at, or two tries of, the same thing.
const PAUSE: Duration = Duration::from_secs(1);

/// How long cleaning up may take when the engine stops meanwhile.
const LAST_CLEANING: Duration = Duration::from_secs(3);

/// Checks an account. What it makes is removed again, also when the check fails or the engine stops.
///
/// # Errors
/// Why the service could not be asked; [`Error::Cancelled`] when the engine stops.
pub(crate) async fn probe(shared: &Shared, account: &Account) -> Result<AccountCard, Error> {
    let since = shared.access.moment();
    let capabilities = shared.access.test(account).await?;
    let provider = shared.access.provider(account).await?;
    let mut probe = Probe::new(shared, account, provider, capabilities);
    let found = tokio::select! {
        found = probe.look() => found,
        () = shared.stop.cancelled() => Err(Error::Cancelled),
    };
    let stopped = async {
        shared.stop.cancelled().await;
        shared.ports.clock.sleep(LAST_CLEANING).await;
    };
    let cleaned = tokio::select! {
        cleaned = probe.clean_up() => cleaned,
        () = stopped => Err(Error::Cancelled),
    };
    shared.access.note(&account.id, since, found.as_ref().err());
    found?;
    if let Err(error) = cleaned {
        probe.note(format!(
            "The small pin that the check made could not be removed ({error}). The next check tries again."
        ));
    }
    Ok(probe.card)
}

struct Probe<'a> {
    shared: &'a Shared,
    account: &'a Account,
    provider: Arc<dyn Provider>,
    capabilities: Capabilities,
    card: AccountCard,
    /// Pins of others that the list showed.
    others: HashSet<PinId>,
    mark: Option<Mark>,
    /// A request may have made a pin without an answer that said so.
    unsure: bool,
}

impl<'a> Probe<'a> {
    fn new(shared: &'a Shared, account: &'a Account, provider: Arc<dyn Provider>, can: Capabilities) -> Self {
        let card = AccountCard {
            checked_at: shared.ports.clock.now(),
            upload: can.upload,
            edit: can.edit,
            metadata: can.metadata,
            filters: can.filters.to_vec(),
            sorts: can.sorts.to_vec(),
            paging: can.paging,
            page_rows: None,
            profile: None,
            duplicates: Duplicates::Unknown,
            deletion: Deletion::Unknown,
            usage: None,
            notes: Vec::new(),
        };
        Self { shared, account, provider, capabilities: can, card, others: HashSet::new(), mark: None, unsure: false }
    }

    async fn look(&mut self) -> Result<(), Error> {
        self.remove_leftovers().await?;
        self.look_at_list().await?;
        if self.capabilities.usage {
            match self.provider.usage().await {
                Ok(usage) => self.card.usage = Some(usage),
                Err(error) => self.cannot("It does not say how much is used", error)?,
            }
        }
        match self.capabilities.upload {
            Some(_) => self.try_upload().await,
            None => self.try_pin().await,
        }
    }

    /// Goes through the first pages.
    async fn look_at_list(&mut self) -> Result<(), Error> {
        let (mut first_rows, mut has_more, mut not_understood, mut left_behind) = (None, false, 0, Vec::new());
        let provider = Arc::clone(&self.provider);
        let mut pages = provider.list(&[]).take(PAGES_LOOKED_AT);
        while let Some(page) = pages.next().await {
            let page = page?;
            if page.gap == Some(Gap::Truncated) {
                self.note("It does not show all of its list: some of the account's pins may be missing here.".into());
            }
            not_understood += page.not_understood;
            let rows = page.pins.len() as u64 + page.not_understood;
            for pin in page.pins {
                if is_left_behind(&pin) && is_live(&pin) {
                    left_behind.push(pin.id);
                } else {
                    has_more |= self.others.insert(pin.id) && first_rows.is_some();
                }
            }
            first_rows.get_or_insert(rows);
        }
        drop(pages);
        self.card.page_rows = first_rows.filter(|_| has_more).and_then(|rows| u32::try_from(rows).ok());
        if not_understood > 0 {
            self.note(format!("{not_understood} of the rows in its list cannot be understood."));
        }
        for id in left_behind {
            if let Err(Error::Provider(error)) = self.remove(&id).await {
                self.cannot("It did not remove what an earlier check had left", error)?;
            }
        }
        Ok(())
    }

    /// Notes what the service cannot do; what is only wrong at the moment ends the check.
    fn cannot(&mut self, what: &str, error: ProviderError) -> Result<(), Error> {
        let error = Error::from(error);
        if error.is_outage() || error.is_retryable() || error.code().wants_credentials() {
            return Err(error);
        }
        let words = error.details().filter(|words| !error.to_string().contains(words.as_str()));
        let words = words.map(|words| format!(" ({words})")).unwrap_or_default();
        self.note(format!("{what}: {error}{words}."));
        Ok(())
    }

    fn note(&mut self, sentence: String) {
        if !self.card.notes.contains(&sentence) {
            self.card.notes.push(sentence);
        }
    }
}

/// Whether the pin is still there: some services go on showing those that were removed.
fn is_live(pin: &ProviderPin) -> bool {
    pin.status != PinStatus::Unpinned
}

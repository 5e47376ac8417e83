//! The check of an account: what its service really does, tried with a pin of the check's own that is always removed.
//!
//! Nothing that was there before is changed. What a check made is written down before it is asked for, so that the next check
//! removes what one that was cut off left behind.

use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};

use futures_util::StreamExt;
use holdfast_content::Cid;

use super::{
    Account, AccountCard, Deletion, Duplicates,
    sample::{Mark, Sample, is_left_behind, tiny_cids},
};
use crate::{
    engine::Shared,
    entropy::new_id,
    error::{Code, Error},
    pin::{Metadata, PinId, PinKey, PinStatus, ProviderPin},
    provider::{Capabilities, Filter, Gap, PinRequest, Provider, ProviderError},
    transfer::find::same_content,
};

/// Pages of the list that are looked at: enough to see how it goes on, and to find what another check left behind.
const PAGES_LOOKED_AT: usize = 20;

/// Pages that are searched for one CID.
const PAGES_SEARCHED: usize = 200;

/// Looks at a pin that was removed, with a pause before each but the first, before it counts as still there.
const LOOKS_AFTER_REMOVAL: u32 = 4;

/// Tries to remove a pin that the check made.
const TRIES_TO_REMOVE: u32 = 3;

const PAUSE: Duration = Duration::from_secs(1);

/// How long cleaning up may take when the engine stops meanwhile.
const LAST_CLEANING: Duration = Duration::from_secs(3);

/// Checks an account. What it makes is removed again, also when the check fails or the engine stops.
///
/// # Errors
/// Why the service could not be asked; [`Error::Cancelled`] when the engine stops.
pub(crate) async fn probe(shared: &Shared, account: &Account) -> Result<AccountCard, Error> {
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
    shared.access.note(&account.id, found.as_ref().err());
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

    /// Removes what a check that was cut off has left, as far as that was written down.
    async fn remove_leftovers(&mut self) -> Result<(), Error> {
        let Some(mut mark) = self.shared.store.check_mark(&self.account.id).await? else { return Ok(()) };
        let mut made = Vec::new();
        for id in std::mem::take(&mut mark.made) {
            match self.provider.get(&id).await {
                Ok(pin) if mark.shows_on(&pin) => made.push(id),
                Ok(_) | Err(ProviderError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        mark.made = made;
        (self.mark, self.unsure) = (Some(mark), true);
        match self.clean_up().await {
            Err(Error::Provider(error)) => self.cannot("It did not remove what an earlier check had left", error),
            result => result,
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

    /// Uploads a file of the check's own, and then again.
    async fn try_upload(&mut self) -> Result<(), Error> {
        let id = new_id(&*self.shared.ports.entropy);
        let pool = self.shared.ports.hashing.clone();
        let made = tokio::task::spawn_blocking(move || {
            let sample = Sample::new(&id, pool)?;
            let identified = sample.identify()?;
            Ok::<_, Error>((id, sample, identified))
        });
        let (id, sample, identified) = made.await.map_err(|_| Error::Internal)??;
        let cids: Vec<Cid> = identified.iter().map(|one| one.link.cid).collect();
        let mark = self.begin(Mark::new(id, &cids, true)).await?;
        let (name, metadata) = (mark.name(), mark.metadata());
        let provider = Arc::clone(&self.provider);
        let upload = || async {
            let (body, _sent) = sample.body();
            provider.upload(&name, &metadata, body).await
        };
        let pin = match self.attempt(upload()).await? {
            Ok(pin) => pin,
            Err(error) => return self.cannot("It did not take a small file", error),
        };
        let matching = identified.iter().find(|one| same_content(&one.link.cid, &pin.cid));
        self.card.profile = matching.map(|one| one.profile.name().into());
        match (matching, self.account.profile) {
            (None, _) => self.note(
                "Its CIDs follow no profile that Holdfast knows: what is uploaded is verified by its blocks, through the \
                 account's gateway."
                    .into(),
            ),
            (Some(now), Some(before)) if now.profile != before => self.note(format!(
                "Its CIDs used to be those of {before}; now they are those of {}.",
                now.profile
            )),
            _ => {}
        }
        let again = self.attempt(upload()).await?;
        self.compare_with_second(&pin, again)?;
        self.try_rest(pin).await
    }

    /// Asks for content that everybody has, and then again.
    async fn try_pin(&mut self) -> Result<(), Error> {
        let mut free = None;
        for cid in tiny_cids() {
            let (found, whole) = self.search(&[cid]).await?;
            if found.is_empty() && whole {
                free = Some(cid);
                break;
            }
        }
        let Some(cid) = free else {
            self.note("No pin was tried: it cannot be told whether one of the account's own would be touched.".into());
            return Ok(());
        };
        let mark = self.begin(Mark::new(new_id(&*self.shared.ports.entropy), &[cid], false)).await?;
        let (name, metadata) = (mark.name(), mark.metadata());
        let provider = Arc::clone(&self.provider);
        let pin = || provider.pin(PinRequest { cid: &cid, name: Some(&name), metadata: &metadata, origins: &[] });
        let first = match self.attempt(pin()).await? {
            Ok(first) => first,
            Err(error) => return self.cannot("It did not take a small pin", error),
        };
        let again = self.attempt(pin()).await?;
        self.compare_with_second(&first, again)?;
        self.try_rest(first).await
    }

    fn compare_with_second(
        &mut self,
        first: &ProviderPin,
        again: Result<ProviderPin, ProviderError>,
    ) -> Result<(), Error> {
        self.card.duplicates = match again {
            Ok(second) if second.id == first.id => Duplicates::SamePin,
            Ok(_) => Duplicates::AnotherPin,
            Err(ProviderError::AlreadyExists { .. }) => Duplicates::Refused,
            Err(error) => {
                self.cannot("What it does with the same content a second time did not show", error)?;
                Duplicates::Unknown
            }
        };
        Ok(())
    }

    /// What can be tried with a pin that is there.
    async fn try_rest(&mut self, pin: ProviderPin) -> Result<(), Error> {
        self.try_filter(&pin).await?;
        if self.capabilities.edit {
            self.try_edit(&pin).await?;
        }
        self.try_removal().await
    }

    async fn try_filter(&mut self, pin: &ProviderPin) -> Result<(), Error> {
        let provider = Arc::clone(&self.provider);
        let cids = [pin.cid];
        let mut pages = provider.list(&cids);
        let first = pages.next().await.transpose()?.unwrap_or_default();
        drop(pages);
        let is_narrow = first.pins.iter().all(|one| same_content(&one.cid, &pin.cid));
        // A list that has nothing else says nothing.
        if self.card.filters.contains(&Filter::Cid) && !self.others.is_empty() && !is_narrow {
            self.card.filters.retain(|filter| *filter != Filter::Cid);
            self.note("It gives its whole list where only the pins of one CID were asked for.".into());
        }
        let (found, _) = self.search(&cids).await?;
        if found.is_empty() {
            self.note("A new pin is not in its list at once.".into());
        }
        let made = self.mark.as_ref().map(Mark::metadata).unwrap_or_default();
        let keeps_it = |one: &ProviderPin| made.iter().all(|(key, value)| one.metadata.get(key) == Some(value));
        if self.card.metadata && found.iter().any(|one| one.id == pin.id && !keeps_it(one)) {
            self.card.metadata = false;
            self.note("It does not keep the metadata of a pin.".into());
        }
        Ok(())
    }

    async fn try_edit(&mut self, pin: &ProviderPin) -> Result<(), Error> {
        let Some(mark) = self.mark.clone() else { return Ok(()) };
        let metadata = if self.card.metadata { mark.metadata() } else { Metadata::new() };
        let name = mark.other_name();
        let provider = Arc::clone(&self.provider);
        let edited = self.attempt(provider.edit(pin, Some(&name), &metadata)).await?;
        let edited = match edited {
            Ok(edited) => edited,
            Err(error) => {
                self.card.edit = false;
                return self.cannot("It does not change the name of a pin", error);
            }
        };
        let now = match provider.get(&edited.id).await {
            // Some show a change a while later.
            Err(ProviderError::NotFound { .. }) => return Ok(()),
            now => now?,
        };
        if now.name.as_ref() != Some(&name) {
            self.card.edit = false;
            self.note("It says that it has changed the name of a pin, and has not.".into());
        }
        Ok(())
    }

    async fn try_removal(&mut self) -> Result<(), Error> {
        let made = self.mark.as_ref().map(|mark| mark.made.clone()).unwrap_or_default();
        for id in &made {
            match self.provider.unpin(id).await {
                Ok(()) | Err(ProviderError::NotFound { .. }) => {}
                Err(error) => {
                    self.card.deletion = Deletion::Failed;
                    return self.cannot("It did not remove a pin", error);
                }
            }
        }
        for look in 0..LOOKS_AFTER_REMOVAL {
            if look > 0 {
                self.shared.ports.clock.sleep(PAUSE * look).await;
            }
            if self.are_gone(&made).await? {
                self.card.deletion = if look == 0 { Deletion::AtOnce } else { Deletion::Later };
                return Ok(());
            }
        }
        self.card.deletion = Deletion::Later;
        self.note("A pin that was removed is still shown some seconds later.".into());
        Ok(())
    }

    async fn are_gone(&self, ids: &[PinId]) -> Result<bool, Error> {
        for id in ids {
            match self.provider.get(id).await {
                Ok(pin) if is_live(&pin) => return Ok(false),
                Ok(_) | Err(ProviderError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Writes down what will be made.
    async fn begin(&mut self, mark: Mark) -> Result<Mark, Error> {
        self.shared.store.set_check_mark(&self.account.id, Some(&mark)).await?;
        Ok(self.mark.insert(mark).clone())
    }

    /// Makes a request that makes a pin. A failure that says nothing of this service, only of the moment, ends the check.
    async fn attempt(
        &mut self,
        request: impl Future<Output = Result<ProviderPin, ProviderError>>,
    ) -> Result<Result<ProviderPin, ProviderError>, Error> {
        let was_unsure = std::mem::replace(&mut self.unsure, true);
        match request.await {
            Ok(pin) if self.others.contains(&pin.id) => {
                let reason = "it answered with a pin that was there before".into();
                Ok(Err(ProviderError::Protocol { reason }))
            }
            Ok(pin) => {
                self.made(&pin).await?;
                self.unsure = was_unsure;
                Ok(Ok(pin))
            }
            Err(error) => {
                self.unsure = was_unsure || error.leaves_open_what_happened();
                let error = Error::from(error);
                match error {
                    error if error.is_outage() => Err(error),
                    Error::Provider(error) => Ok(Err(error)),
                    error => Err(error),
                }
            }
        }
    }

    async fn made(&mut self, pin: &ProviderPin) -> Result<(), Error> {
        // The user's table has nothing of this.
        self.shared.unpinned().insert(self.key(&pin.id));
        let Some(mark) = &mut self.mark else { return Ok(()) };
        mark.take(pin);
        self.shared.store.set_check_mark(&self.account.id, Some(mark)).await
    }

    /// Removes everything that the check made, or may have made.
    async fn clean_up(&mut self) -> Result<(), Error> {
        let Some(mark) = self.mark.clone() else { return Ok(()) };
        let mut ids = mark.made.clone();
        if self.unsure {
            let (found, _) = self.search(&mark.cids()).await?;
            ids.extend(found.into_iter().filter(|pin| mark.is_on(pin)).map(|pin| pin.id));
        }
        for id in &ids {
            self.remove(id).await?;
        }
        self.shared.store.set_check_mark(&self.account.id, None).await?;
        (self.mark, self.unsure) = (None, false);
        Ok(())
    }

    async fn remove(&self, id: &PinId) -> Result<(), Error> {
        let key = self.key(id);
        for attempt in 1.. {
            match self.provider.unpin(id).await {
                Ok(()) | Err(ProviderError::NotFound { .. }) => break,
                Err(error) if attempt < TRIES_TO_REMOVE && error.is_retryable() => {
                    self.shared.ports.clock.sleep(error.retry_after().unwrap_or(PAUSE * attempt)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.shared.unpinned().insert(key.clone());
        self.shared.store.forget_pin(&key).await
    }

    /// The live pins of any of `cids`, and whether all of the list was searched for them.
    async fn search(&self, cids: &[Cid]) -> Result<(Vec<ProviderPin>, bool), Error> {
        let (mut found, mut whole, mut count) = (Vec::new(), true, 0);
        let mut pages = self.provider.list(cids);
        while let Some(page) = pages.next().await {
            let page = page?;
            whole &= page.gap.is_none() && page.not_understood == 0;
            let wanted = |pin: &ProviderPin| is_live(pin) && cids.iter().any(|cid| same_content(cid, &pin.cid));
            found.extend(page.pins.into_iter().filter(wanted));
            count += 1;
            if count == PAGES_SEARCHED {
                return Ok((found, false));
            }
        }
        Ok((found, whole))
    }

    fn key(&self, id: &PinId) -> PinKey {
        PinKey { account: self.account.id.clone(), id: id.clone() }
    }

    /// Notes what the service cannot do; what is only wrong at the moment ends the check.
    fn cannot(&mut self, what: &str, error: ProviderError) -> Result<(), Error> {
        let error = Error::from(error);
        if error.is_outage() || error.is_retryable() || error.code() == Code::Unauthorized {
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

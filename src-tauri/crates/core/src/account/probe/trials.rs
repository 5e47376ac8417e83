//! What is tried with a pin of the check's own: taking content, once and twice, finding it, changing it, removing it.

use std::sync::Arc;

use futures_util::StreamExt;
use holdfast_content::{Cid, same_content};

use super::{PAUSE, Probe, is_live};
use crate::{
    account::{
        Deletion, Duplicates,
        sample::{Mark, Sample, tiny_cids},
    },
    entropy::new_id,
    error::Error,
    ids::PinId,
    pin::{Metadata, ProviderPin},
    provider::{Filter, PinRequest, ProviderError},
};

/// Looks at a pin that was removed, with a pause before each but the first, before it counts as still there.
const LOOKS_AFTER_REMOVAL: u32 = 4;

impl Probe<'_> {
    /// Uploads a file of the check's own, and then again.
    pub(super) async fn try_upload(&mut self) -> Result<(), Error> {
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
    pub(super) async fn try_pin(&mut self) -> Result<(), Error> {
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
}

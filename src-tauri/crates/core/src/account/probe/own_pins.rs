//! The pins that a check makes: written down before they are asked for, found again, and removed.

use futures_util::StreamExt;
use holdfast_content::{Cid, same_content};

use super::{PAUSE, Probe, is_live};
use crate::{
    account::sample::Mark,
    error::Error,
    ids::{PinId, PinKey},
    pin::ProviderPin,
    provider::ProviderError,
};

/// Pages that are searched for one CID.
const PAGES_SEARCHED: usize = 200;

/// Tries to remove a pin that the check made.
const TRIES_TO_REMOVE: u32 = 3;

impl Probe<'_> {
    /// Removes what a check that was cut off has left, as far as that was written down.
    pub(super) async fn remove_leftovers(&mut self) -> Result<(), Error> {
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

    /// Writes down what will be made.
    pub(super) async fn begin(&mut self, mark: Mark) -> Result<Mark, Error> {
        self.shared.store.set_check_mark(&self.account.id, Some(&mark)).await?;
        Ok(self.mark.insert(mark).clone())
    }

    /// Makes a request that makes a pin. A failure that says nothing of this service, only of the moment, ends the check.
    pub(super) async fn attempt(
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
        Ok(self.shared.store.set_check_mark(&self.account.id, Some(mark)).await?)
    }

    /// Removes everything that the check made, or may have made.
    pub(super) async fn clean_up(&mut self) -> Result<(), Error> {
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

    pub(super) async fn remove(&self, id: &PinId) -> Result<(), Error> {
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
        Ok(self.shared.store.forget_pin(&key, self.shared.ports.clock.now()).await?)
    }

    /// The live pins of any of `cids`, and whether all of the list was searched for them.
    pub(super) async fn search(&self, cids: &[Cid]) -> Result<(Vec<ProviderPin>, bool), Error> {
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
}

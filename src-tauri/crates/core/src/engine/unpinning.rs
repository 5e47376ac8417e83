//! Removing pins: those that are named, or all that match a question but for some.

use std::collections::HashSet;

use super::{Change, Engine, UnpinImpact, copies};
use crate::{
    entropy::new_id,
    error::Error,
    ids::{PinKey, TransferId},
    pin::{Metadata, Pin, PinQuery},
    queue::Lane,
    store::Matching,
    transfer::Work,
};

/// Pins that match a question are removed without that their number is confirmed, up to this one.
pub const UNCONFIRMED_UNPINS: u64 = 50;

/// Pins whose other copies are looked for before other questions to the database have their turn.
const AT_ONCE: usize = 500;

impl Engine {
    /// Accepts removing pins; what is being removed already is the same transfer.
    ///
    /// # Errors
    /// [`Error::NoSuch`]; then nothing is accepted.
    pub async fn unpin(&self, keys: &[PinKey]) -> Result<Vec<TransferId>, Error> {
        let lane = Lane::of_so_many(keys.len());
        let mut transfers = Vec::new();
        for key in keys {
            let pin = self.shared.store.pin(key).await?;
            let pin = pin.ok_or_else(|| Error::NoSuch { what: "pin", id: key.id.0.clone() })?;
            let work = Work::Unpin { pin: key.id.clone() };
            let mut transfer = self.shared.transfer(&key.account, work, pin.name(), Metadata::new());
            transfer.lane = lane;
            transfer.pin = Some(key.id.clone());
            transfer.cid = Some(pin.held.cid);
            transfers.push(transfer);
        }
        self.shared.accept(transfers).await
    }

    /// Accepts removing every pin that matches, but for some, at once or not at all. Above [`UNCONFIRMED_UNPINS`] it has to be
    /// known how many that are: `confirmed`. Says how many go.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] with their true number when that is not what was confirmed; then nothing is accepted.
    pub async fn unpin_matching(&self, query: PinQuery, except: Vec<PinKey>, confirmed: u64) -> Result<u64, Error> {
        let (id, now) = (new_id(&*self.shared.ports.entropy), self.shared.ports.clock.now());
        let which = self.matching(query, except);
        let accepted = self.shared.store.unpin_matching(which, confirmed, UNCONFIRMED_UNPINS, id, now).await?;
        let (count, true) = accepted else {
            return Err(Error::InvalidInput(format!(
                "This would unpin {} pins, and {confirmed} were confirmed; nothing was unpinned. Look at them again.",
                accepted.0
            )));
        };
        self.shared.wake.notify_one();
        self.shared.announce(Change::Transfers);
        Ok(count)
    }

    /// What is left when these pins go.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unpin_impact(&self, keys: &[PinKey]) -> Result<UnpinImpact, Error> {
        let leaving: HashSet<&PinKey> = keys.iter().collect();
        let (mut logins, mut impact) = (copies::Logins::new(self).await?, UnpinImpact::default());
        for keys in keys.chunks(AT_ONCE) {
            self.add_impact(&mut impact, &mut logins, keys.to_vec(), |pin| leaving.contains(&pin.key())).await?;
        }
        Ok(impact.sorted())
    }

    /// What is left when every pin goes that matches, but for some.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unpin_matching_impact(&self, query: PinQuery, except: Vec<PinKey>) -> Result<UnpinImpact, Error> {
        let which = self.matching(query, except);
        let (mut logins, mut impact) = (copies::Logins::new(self).await?, UnpinImpact::default());
        let mut after = i64::MIN;
        loop {
            let (keys, last) = self.shared.store.keys_matching(which.clone(), after, AT_ONCE).await?;
            if keys.is_empty() {
                return Ok(impact.sorted());
            }
            after = last;
            self.add_impact(&mut impact, &mut logins, keys, |pin| which.has(pin)).await?;
        }
    }

    fn matching(&self, query: PinQuery, except: Vec<PinKey>) -> Matching {
        Matching { query, outdated: self.shared.access.all_outdated(), except }
    }

    async fn add_impact(
        &self,
        impact: &mut UnpinImpact,
        logins: &mut copies::Logins<'_>,
        keys: Vec<PinKey>,
        leaves: impl Fn(&Pin) -> bool,
    ) -> Result<(), Error> {
        for (pin, others) in self.shared.store.pins_and_their_others(keys).await? {
            let others = others.into_iter().filter(|other| !leaves(other));
            let others = logins.seen_from(&pin, others.collect()).await?;
            let label = logins.label(&pin.account);
            impact.add(&pin, label, &others);
        }
        Ok(())
    }
}

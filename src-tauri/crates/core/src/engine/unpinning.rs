//! Removing pins: those that are named, or all that match a question but for some. It waits for a while in which it can be
//! undone, unless nobody wants that, and how many go is confirmed before.

use std::collections::HashSet;

use super::{Change, Engine, UnpinImpact, Which, copies, copies::MOST_NAMED, intake::batch_of};
use crate::{
    entropy::new_id,
    error::Error,
    ids::{PinKey, TransferId, UnpinningId},
    pin::{Matching, Metadata, Pin, PinSet},
    queue::{Lane, pause::TO_UNDO},
    store::{Bulk, Chosen, NewUnpinning},
    transfer::{Origin, TransferCounts, TransferState, Undone, Unpinning, Work},
};

/// Pins are removed without that their number is confirmed, up to this one.
pub const UNCONFIRMED_UNPINS: u64 = 50;

/// Pins whose other copies are looked for before other questions to the database have their turn.
const AT_ONCE: usize = 500;

/// Whether removing pins waits for a while in which it can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// It waits.
    Given,
    /// It begins at once.
    Waived,
}

/// Pins that are to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedUnpin {
    /// What it is undone by, as long as it has not begun.
    pub unpinning: UnpinningId,
    /// How many go; those that were on their way already count with them.
    pub pins: u64,
    /// The transfers of pins that were named, in their order.
    pub transfers: Vec<TransferId>,
}

impl Engine {
    /// Accepts removing pins, all or none; what is being removed already is the same transfer. Above [`UNCONFIRMED_UNPINS`] it
    /// has to be known how many they are: `confirmed`.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and [`Error::CountChanged`] with their true number when another was confirmed; then nothing is
    /// accepted.
    pub async fn unpin(&self, pins: PinSet, confirmed: u64, grace: Grace) -> Result<AcceptedUnpin, Error> {
        let now = self.shared.ports.clock.now();
        let begins = match grace {
            Grace::Given => now.plus(TO_UNDO),
            Grace::Waived => now,
        };
        let new = NewUnpinning { id: UnpinningId(new_id(&*self.shared.ports.entropy)), now, begins };
        let unpinning = new.id.clone();
        let (pins, transfers) = match pins {
            PinSet::Named(keys) => self.unpin_named(keys, confirmed, new).await?,
            PinSet::Matching(matching) => {
                let which = self.chosen(matching).await?;
                match self.shared.store.unpin_matching(which, confirmed, UNCONFIRMED_UNPINS, new).await? {
                    Bulk::Accepted(pins) => (pins, Vec::new()),
                    Bulk::NotConfirmed(pins) => return Err(Error::CountChanged { pins, confirmed }),
                }
            }
        };
        self.shared.has_accepted(if transfers.is_empty() { Which::Many } else { transfers.iter().cloned().collect() });
        self.shared.announce(Change::Unpinning);
        Ok(AcceptedUnpin { unpinning, pins, transfers })
    }

    async fn unpin_named(
        &self,
        keys: Vec<PinKey>,
        confirmed: u64,
        new: NewUnpinning,
    ) -> Result<(u64, Vec<TransferId>), Error> {
        let pins = keys.iter().collect::<HashSet<_>>().len() as u64;
        if pins > UNCONFIRMED_UNPINS && pins != confirmed {
            return Err(Error::CountChanged { pins, confirmed });
        }
        let (lane, new) = (Lane::of_so_many(keys.len()), new.of_so_many(pins));
        let state = match new.begins > new.now {
            true => TransferState::Undoable { until: new.begins },
            false => TransferState::Queued,
        };
        let mut transfers = Vec::new();
        for key in keys {
            let pin = self.shared.store.pin(&key).await?;
            let pin = pin.ok_or_else(|| Error::NoSuch { what: "pin", id: key.id.0.clone() })?;
            let work = Work::Unpin { pin: key.id.clone() };
            let mut transfer = self.shared.transfer(&key.account, work, pin.name(), Metadata::new());
            (transfer.lane, transfer.state, transfer.created_at) = (lane, state.clone(), new.now);
            (transfer.pin, transfer.cid) = (Some(key.id), Some(pin.held.cid));
            transfers.push(transfer);
        }
        let batch = batch_of(Origin::Unpinned, pins, &transfers);
        Ok((pins, self.shared.store.unpin(new, batch, transfers).await?))
    }

    /// What is to be removed and waits, so that it can be undone; the latest last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unpinnings(&self) -> Result<Vec<Unpinning>, Error> {
        Ok(self.shared.store.unpinnings(self.shared.ports.clock.now()).await?)
    }

    /// Lets those pins stay whose removal has not begun.
    ///
    /// # Errors
    /// [`Error::NoSuch`] when it was undone before, or another engine of this home has accepted it.
    pub async fn undo_unpin(&self, unpinning: &UnpinningId) -> Result<Undone, Error> {
        let undone = self.shared.store.undo_unpin(unpinning).await?;
        let undone = undone.ok_or_else(|| Error::NoSuch { what: "unpinning", id: unpinning.0.clone() })?;
        self.shared.announce(Change::Transfers(Which::Many));
        self.shared.announce(Change::Unpinning);
        Ok(undone)
    }

    /// How the transfers of pins stand that are removed together. Those that were on their way already are not with them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unpinning_counts(&self, unpinning: &UnpinningId) -> Result<TransferCounts, Error> {
        Ok(self.shared.store.unpinning_counts(unpinning).await?)
    }

    /// What is left when these pins go.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unpin_impact(&self, pins: PinSet) -> Result<UnpinImpact, Error> {
        let (mut logins, mut impact) = (copies::Logins::new(self).await?, UnpinImpact::default());
        match pins {
            PinSet::Named(keys) => {
                let leaving: HashSet<&PinKey> = keys.iter().collect();
                for key in &leaving {
                    impact.count(logins.label(&key.account), 1);
                }
                impact.some = self.named(&logins, keys.iter().take(MOST_NAMED).cloned().collect()).await?;
                for keys in keys.chunks(AT_ONCE) {
                    let mut pins = self.shared.store.pins_and_their_others(keys.to_vec()).await?;
                    for (_, others) in &mut pins {
                        others.retain(|other| !leaving.contains(&other.key()));
                    }
                    self.judge(&mut impact, &mut logins, pins).await?;
                }
            }
            PinSet::Matching(matching) => {
                let which = self.chosen(matching).await?;
                let leaving = self.shared.store.leaving(which.clone(), MOST_NAMED).await?;
                for (account, pins) in leaving.accounts {
                    impact.count(logins.label(&account), pins);
                }
                impact.some = self.named(&logins, leaving.some).await?;
                impact.last = self.named(&logins, leaving.some_alone).await?;
                impact.last_count = leaving.alone;
                let mut after = i64::MIN;
                loop {
                    let (pins, last) = self.shared.store.leaving_a_copy(which.clone(), after, AT_ONCE).await?;
                    if last == after {
                        break;
                    }
                    after = last;
                    self.judge(&mut impact, &mut logins, pins).await?;
                }
            }
        }
        Ok(impact.sorted())
    }

    /// What matches, of pins as they are now. A range has both of its ends.
    pub(super) async fn chosen(&self, matching: Matching) -> Result<Chosen, Error> {
        for end in matching.between.iter().flatten() {
            if self.shared.store.pin(end).await?.is_none() {
                return Err(Error::NoSuch { what: "pin", id: end.id.0.clone() });
            }
        }
        Ok(Chosen { matching, outdated: self.shared.access.all_outdated() })
    }

    /// What these pins are called, and where they are.
    async fn named(&self, logins: &copies::Logins<'_>, keys: Vec<PinKey>) -> Result<Vec<(String, String)>, Error> {
        let pins = self.shared.store.pins_and_their_others(keys).await?;
        Ok(pins.into_iter().map(|(pin, _)| (pin.name(), logins.label(&pin.account))).collect())
    }

    /// Looks for each of these pins at its copies that stay.
    async fn judge(
        &self,
        impact: &mut UnpinImpact,
        logins: &mut copies::Logins<'_>,
        pins: Vec<(Pin, Vec<Pin>)>,
    ) -> Result<(), Error> {
        for (pin, others) in pins {
            let others = logins.seen_from(&pin, others).await?;
            let label = logins.label(&pin.account);
            impact.judge(&pin, label, &others);
        }
        Ok(())
    }
}

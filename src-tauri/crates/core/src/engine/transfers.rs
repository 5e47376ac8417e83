//! Transfers: watching them, waiting for them, stopping them.

use std::time::Duration;

use super::{Change, Engine, Which};
use crate::{
    account::Account,
    error::Error,
    ids::{AccountId, TransferId},
    queue::{ClosedGate, Lane, gate::Task},
    store::Wanted,
    transfer::{Failure, Transfer, TransferCounts, TransferProgress, TransferState},
};

/// How long somebody waits for a service that has been asked and works on it, and when that is worth a word.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
const SOON: Duration = Duration::from_secs(3);

impl Engine {
    /// What runs, what has failed, what comes next in its order, what services work on, and what ended last; at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn transfers(&self, limit: u32) -> Result<(Vec<Transfer>, TransferCounts), Error> {
        Ok((self.shared.store.transfers(limit).await?, self.transfer_counts().await?))
    }

    /// What each account would be given next if it had a place for it, paused or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_up(&self) -> Result<Vec<Transfer>, Error> {
        let accounts = self.shared.store.accounts().await?;
        let wanted = accounts.into_iter().flat_map(|Account { id, .. }| {
            let wanted = move |task| Wanted { account: id.clone(), task, slowest: Lane::Bulk, held_too: false };
            Task::ALL.into_iter().map(wanted)
        });
        Ok(self.shared.store.next_transfers(self.shared.ports.clock.now(), wanted.collect()).await?)
    }

    /// How many transfers there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn transfer_counts(&self) -> Result<TransferCounts, Error> {
        Ok(self.shared.store.transfer_counts(self.shared.ports.clock.now()).await?)
    }

    /// One transfer.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn transfer(&self, id: &TransferId) -> Result<Transfer, Error> {
        let transfer = self.shared.store.transfer(id).await?;
        transfer.ok_or_else(|| Error::NoSuch { what: "transfer", id: id.0.clone() })
    }

    /// Waits until nothing more will happen to a transfer by itself, or its service has worked on it for minutes and may do so
    /// for days. `waiting` is told why it takes longer, whenever that is for another reason than before.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn wait_for(&self, id: &TransferId, mut waiting: impl FnMut(&Failure)) -> Result<Transfer, Error> {
        let clock = &self.shared.ports.clock;
        let (mut changes, mut told, mut asked_at) = (self.changes(), None, None);
        loop {
            self.can_work()?;
            let transfer = self.transfer(id).await?;
            // What a person has paused goes on when they say so.
            if transfer.state.is_final() || transfer.state == TransferState::Paused {
                return Ok(transfer);
            }
            let (failure, next_look) = if transfer.state == TransferState::Asked {
                let asked = clock.monotonic().saturating_sub(*asked_at.get_or_insert_with(|| clock.monotonic()));
                let is_worth_saying = asked >= SOON;
                let next_look = if is_worth_saying { LONGEST_ASKED } else { SOON }.saturating_sub(asked);
                (is_worth_saying.then(|| Failure::from(&Error::StillFetching { said: None })), next_look)
            } else {
                asked_at = None;
                (transfer.state.failure().cloned(), LONGEST_ASKED)
            };
            if let Some(failure) = failure.filter(|failure| told.as_ref() != Some(failure)) {
                waiting(&failure);
                told = Some(failure);
            }
            if next_look.is_zero() {
                return Ok(transfer);
            }
            tokio::select! {
                // Having missed changes is a reason to look again; the sender lives as long as the engine.
                _ = changes.recv() => {}
                () = clock.sleep(next_look) => {}
            }
        }
    }

    /// How far the running transfers are.
    #[must_use]
    pub fn progress(&self) -> Vec<TransferProgress> {
        self.shared.running.progress(self.shared.ports.clock.monotonic())
    }

    /// How many bytes a second go out in all, over the last seconds; `None` until that is known.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        self.shared.running.rate(self.shared.ports.clock.monotonic())
    }

    /// Stops a transfer. What the provider has accepted by then stays pinned.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when it has ended.
    pub async fn cancel(&self, id: &TransferId) -> Result<(), Error> {
        self.transfer(id).await?;
        // What runs is stopped by its own task, which knows what has happened by then.
        let now = self.shared.ports.clock.now();
        if !self.shared.store.cancel_waiting(id, now).await? && !self.shared.running.cancel(id) {
            return Err(Error::InvalidInput("This has ended already.".into()));
        }
        self.shared.announce(Change::Transfers(Which::one(id.clone())));
        Ok(())
    }

    /// Tries a failed, waiting or cancelled transfer again, now.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when it is none of these.
    pub async fn retry(&self, id: &TransferId) -> Result<(), Error> {
        let transfer = self.transfer(id).await?;
        if !self.shared.store.requeue(id, self.shared.ports.clock.now()).await? {
            return Err(Error::InvalidInput("Only what has failed, waits or was cancelled can be tried again.".into()));
        }
        self.try_now(&transfer.account);
        self.shared.announce(Change::Transfers(Which::one(id.clone())));
        Ok(())
    }

    /// Tries at once what waits for an account, whatever it waits for.
    pub fn try_now(&self, account: &AccountId) {
        self.shared.gates().try_now(account);
        self.shared.access.try_again(account);
        self.shared.wake.notify_one();
    }

    /// Why accounts get no work, where they get none.
    #[must_use]
    pub fn closed_gates(&self) -> Vec<ClosedGate> {
        self.shared.gates().closed(self.shared.ports.clock.monotonic())
    }

    /// Stops all work, or that of one account: what runs goes on later from its beginning. It stays so over restarts.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and when the database fails.
    pub async fn pause(&self, account: Option<&AccountId>) -> Result<(), Error> {
        self.set_paused(account, true).await?;
        self.shared.running.park(account);
        Ok(())
    }

    /// Lets work go on that was paused.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and when the database fails.
    pub async fn resume(&self, account: Option<&AccountId>) -> Result<(), Error> {
        self.set_paused(account, false).await?;
        self.shared.wake.notify_one();
        Ok(())
    }

    /// The accounts that are paused, and whether everything is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn paused(&self) -> Result<(bool, Vec<AccountId>), Error> {
        Ok(self.shared.store.paused().await?)
    }

    async fn set_paused(&self, account: Option<&AccountId>, paused: bool) -> Result<(), Error> {
        if let Some(account) = account {
            self.account(account).await?;
        }
        self.shared.store.set_paused(account, paused).await?;
        self.shared.announce(Change::Accounts(Which::Many));
        self.shared.announce(Change::Transfers(Which::Many));
        Ok(())
    }

    /// Forgets transfers that are done or cancelled, but not that a file of a watched folder was not to be pinned.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_finished(&self) -> Result<(), Error> {
        self.shared.store.clear_finished().await?;
        self.shared.announce(Change::Transfers(Which::Many));
        Ok(())
    }
}

//! The queue as a whole: what holds it up, and what a person does with parts of it.

use super::{Change, Engine, Which};
use crate::{
    error::Error,
    ids::{AccountId, TransferId},
    queue::{ClosedGate, Lane},
    transfer::TransferSet,
};

/// What the queue waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUp {
    /// Everything is paused.
    pub is_paused: bool,
    /// The accounts that get no work, in their order.
    pub accounts: Vec<HeldAccount>,
}

/// An account that gets no work, or none of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAccount {
    /// The account.
    pub account: AccountId,
    /// It is paused by itself.
    pub is_paused: bool,
    /// What closes its gate, each reason once.
    pub gates: Vec<ClosedGate>,
    /// How many of its transfers have not begun.
    pub transfers: u64,
}

impl Engine {
    /// What the queue waits for, where that is not a place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_up(&self) -> Result<HeldUp, Error> {
        let (is_paused, paused) = self.paused().await?;
        let gates = self.closed_gates();
        let mut accounts = Vec::new();
        for account in self.shared.store.accounts().await? {
            let is_paused = paused.contains(&account.id);
            let mut held: Vec<ClosedGate> = Vec::new();
            for gate in gates.iter().filter(|gate| gate.account == account.id) {
                if held.iter().all(|other| other.reason != gate.reason) {
                    held.push(gate.clone());
                }
            }
            if is_paused || !held.is_empty() {
                let transfers = self.shared.store.not_begun(&account.id).await?;
                accounts.push(HeldAccount { account: account.id, is_paused, gates: held, transfers });
            }
        }
        Ok(HeldUp { is_paused, accounts })
    }

    /// Pauses what has not ended of these: what runs is stopped, and begins again when the person lets it go on. It stays so over
    /// restarts. Says how many these are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause_these(&self, which: &TransferSet) -> Result<usize, Error> {
        let (paused, running) = self.shared.store.pause_these(which, self.shared.ports.clock.now()).await?;
        self.shared.running.pause(&running);
        self.shared.announce(Change::Transfers(of(which)));
        Ok(paused)
    }

    /// Lets go on what was paused of these, each by itself or with its batch. Says how many these are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resume_these(&self, which: &TransferSet) -> Result<usize, Error> {
        let resumed = self.shared.store.resume_these(which, self.shared.ports.clock.now()).await?;
        self.shared.has_accepted(of(which));
        Ok(resumed)
    }

    /// Stops all of these that has not ended, and waits for its end. What the provider has accepted by then stays pinned. Says how
    /// many these are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_these(&self, which: &TransferSet) -> Result<u64, Error> {
        let mut stopped = None;
        let stopped = loop {
            let now = self.shared.ports.clock.now();
            // What was being written as waiting when it was told to stop is found by the next look.
            let (waiting, running) = self.shared.store.cancel_these(which, now).await?;
            let stopped = *stopped.get_or_insert((waiting + running.len()) as u64);
            let mut is_ending = false;
            for id in &running {
                is_ending |= self.shared.running.cancel(id);
            }
            if !is_ending {
                break stopped;
            }
            tokio::select! {
                () = self.shared.running.end_of(&running) => {}
                () = self.shared.stop.cancelled() => break stopped,
            }
        };
        self.shared.announce(Change::Transfers(of(which)));
        Ok(stopped)
    }

    /// Stops everything that has not ended: of an account, or of all. Says how much.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_all(&self, account: Option<&AccountId>) -> Result<u64, Error> {
        if let Some(account) = account {
            self.account(account).await?;
        }
        self.cancel_these(&TransferSet::all_of(account)).await
    }

    /// Tries again, now, what has failed of these. Says how many these are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_these(&self, which: &TransferSet) -> Result<usize, Error> {
        let now = self.shared.ports.clock.now();
        let (count, accounts) = self.shared.store.requeue_failed(which, now, Lane::of_so_many).await?;
        for account in &accounts {
            self.try_now(account);
        }
        self.shared.announce(Change::Transfers(Which::Many));
        Ok(count)
    }

    /// What has failed of these.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn failed(&self, which: &TransferSet) -> Result<Vec<TransferId>, Error> {
        Ok(self.shared.store.failed(which).await?)
    }

    /// Tries again, now, all that has failed: at one account, or everywhere. Says how many these are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_failed(&self, account: Option<&AccountId>) -> Result<usize, Error> {
        self.retry_these(&TransferSet::all_of(account)).await
    }

    /// Puts what has not begun of these before all else that goes as fast: one of a few before these, one of many before those. Says
    /// how many these are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_up(&self, which: &TransferSet) -> Result<usize, Error> {
        let moved = self.shared.store.move_up(which, self.shared.ports.clock.now()).await?;
        self.shared.announce(Change::Transfers(of(which)));
        Ok(moved)
    }

    /// Forgets what is over of these, however it ended. Of a file in a watched folder it stays known that it is not to be pinned, so
    /// that it is not sent again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_these(&self, which: &TransferSet) -> Result<(), Error> {
        self.shared.store.clear_ended(which).await?;
        self.shared.announce(Change::Transfers(of(which)));
        Ok(())
    }

    /// Forgets what has failed. Of a file in a watched folder it stays known why it is not pinned, so that it is not sent again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_failed(&self) -> Result<(), Error> {
        self.shared.store.clear_failed().await?;
        self.shared.announce(Change::Transfers(Which::Many));
        Ok(())
    }
}

/// How changes call them.
fn of(which: &TransferSet) -> Which<TransferId> {
    match which {
        TransferSet::One(id) => Which::one(id.clone()),
        _ => Which::Many,
    }
}

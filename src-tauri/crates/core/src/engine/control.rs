//! The queue as a whole: what holds it up, and what is done with all that has failed.

use super::{Change, Engine, Which};
use crate::{
    error::Error,
    ids::AccountId,
    queue::{ClosedGate, Lane},
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

    /// Tries again, now, all that has failed: at one account, or everywhere. Says how many these are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_failed(&self, account: Option<&AccountId>) -> Result<usize, Error> {
        let now = self.shared.ports.clock.now();
        let (count, accounts) = self.shared.store.requeue_failed(account, now, Lane::of_so_many).await?;
        for account in &accounts {
            self.try_now(account);
        }
        self.shared.announce(Change::Transfers(Which::Many));
        Ok(count)
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

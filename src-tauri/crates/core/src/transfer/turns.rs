//! Turns: uploads to one account that may be of the same bytes go one after another, so that the later ones find what the
//! first one pinned.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::account::AccountId;

/// Whose turn it is, by account and number of bytes: what differs in length cannot be the same.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Key, Weak<Turn<()>>>>);

type Key = (AccountId, u64);

impl Turns {
    /// Waits for the turn of an upload; the next one's comes when the guard is dropped.
    pub(super) async fn take(&self, account: &AccountId, bytes: u64) -> OwnedMutexGuard<()> {
        self.of(account, bytes).lock_owned().await
    }

    fn of(&self, account: &AccountId, bytes: u64) -> Arc<Turn<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, turn| turn.strong_count() > 0);
        let key = (account.clone(), bytes);
        if let Some(turn) = all.get(&key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        all.insert(key, Arc::downgrade(&turn));
        turn
    }
}

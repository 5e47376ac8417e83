//! Checking what an account's service can do, and keeping the card.

use std::{
    collections::HashSet,
    sync::{Arc, MutexGuard, PoisonError},
};

use super::{Change, Engine, Shared, Which};
use crate::{
    account::{AccountView, UsageThen, probe},
    error::Error,
    ids::AccountId,
};

/// Takes an account off the list of those that are being checked, however the check ends.
struct Listed(Arc<Shared>, AccountId);

impl Drop for Listed {
    fn drop(&mut self) {
        checking(&self.0).remove(&self.1);
    }
}

impl Engine {
    /// Finds out what an account's service can do, with a small pin of its own that is removed again, and keeps what was found
    /// with the account. A check that was begun goes on though nobody waits for it any more.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::InvalidInput`] while the account is being checked already, or why the service could not be
    /// asked.
    pub async fn probe_account(&self, id: &AccountId) -> Result<AccountView, Error> {
        let account = self.account(id).await?;
        if !checking(&self.shared).insert(id.clone()) {
            return Err(Error::InvalidInput(format!("{} is being checked already.", account.label)));
        }
        let listed = Listed(Arc::clone(&self.shared), id.clone());
        let shared = Arc::clone(&self.shared);
        let check = self.tasks.spawn(async move {
            let card = probe(&shared, &account).await;
            if let Ok(card) = &card {
                shared.store.save_card(&account.id, card).await?;
                if let Some(usage) = card.usage {
                    shared.store.save_usage(&account.id, UsageThen { usage, at: card.checked_at }).await?;
                }
            }
            drop(listed);
            shared.announce(Change::Accounts(Which::Many));
            shared.announce(Change::Pins(Which::Many));
            card.map(drop)
        });
        check.await.map_err(|_| Error::Internal)??;
        self.view(self.account(id).await?).await
    }
}

fn checking(shared: &Shared) -> MutexGuard<'_, HashSet<AccountId>> {
    shared.checking.lock().unwrap_or_else(PoisonError::into_inner)
}

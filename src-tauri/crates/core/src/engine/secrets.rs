//! Secrets in the keyring: written down before they go there, and taken out of it when their accounts are gone, even if that
//! is long after.

use std::sync::Arc;

use tokio::sync::MutexGuard;
use url::Url;

use super::Shared;
use crate::{
    account::{Account, Keep},
    error::Error,
    ids::AccountId,
    vault::{CredentialKind, Credentials, VaultError},
};

/// What became of the secret of an account that was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretRemoval {
    /// It is gone, or was never in the keyring.
    Done,
    /// The keyring does not answer; it is removed when the keyring does.
    WhenKeyringAnswers,
}

impl Shared {
    /// Saves a new account and its credentials. `false` when another has the label.
    ///
    /// # Errors
    /// When the keyring or the database fails.
    pub(super) async fn save_with_secret(
        &self,
        account: &Account,
        credentials: &Credentials,
        keep: Keep,
    ) -> Result<bool, Error> {
        let _writing = self.keep_secret(account, credentials, keep).await?;
        let is_saved = self.store.save_account(account.clone()).await?;
        self.learn_unlisted().await?;
        Ok(is_saved)
    }

    /// Gives an account other credentials, and another gateway where there is one. `false` when it was removed meanwhile.
    ///
    /// # Errors
    /// When the keyring or the database fails.
    pub(super) async fn replace_secret(
        &self,
        account: &Account,
        credentials: &Credentials,
        keep: Keep,
        gateway: Option<Url>,
    ) -> Result<bool, Error> {
        let _writing = self.keep_secret(account, credentials, keep).await?;
        Ok(self.store.set_credentials(&account.id, credentials.kind(), gateway).await?)
    }

    /// Until the account is saved, what goes to the keyring for it looks like what nobody needs.
    async fn keep_secret(
        &self,
        account: &Account,
        credentials: &Credentials,
        keep: Keep,
    ) -> Result<Option<MutexGuard<'_, ()>>, Error> {
        let for_keyring = keep == Keep::Keyring && credentials.kind() != CredentialKind::None;
        let writing = if for_keyring {
            let writing = self.access.writing().await;
            self.store.note_keyring_entry(&account.id).await?;
            Some(writing)
        } else {
            None
        };
        self.access.keep(account, credentials, keep).await?;
        self.store.set_keyring_entry_outdated(&account.id, !for_keyring).await?;
        Ok(writing)
    }

    /// Takes the secret of an account that is gone out of the keyring.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn remove_secret(&self, account: &AccountId) -> Result<SecretRemoval, Error> {
        self.access.forget(account).await?;
        self.forget_secrets(Some(account)).await?;
        let is_left = self.store.keyring_entries_to_forget().await?.contains(account);
        Ok(if is_left { SecretRemoval::WhenKeyringAnswers } else { SecretRemoval::Done })
    }

    /// Has the keyring forget what no account needs any more, the secret of one account before the others; what it does not
    /// forget now stays written down.
    async fn forget_secrets(&self, first: Option<&AccountId>) -> Result<(), Error> {
        let _writing = self.access.writing().await;
        let mut accounts = self.store.keyring_entries_to_forget().await?;
        accounts.sort_by_key(|account| Some(account) != first);
        for account in accounts {
            match self.access.forget_in_keyring(&account).await {
                Ok(()) => self.store.keyring_entry_is_gone(&account).await?,
                Err(error) => {
                    tracing::warn!(%account, %error, "the keyring did not forget an account");
                    // It would ask its user again for each of the others.
                    if matches!(error, VaultError::Locked(_)) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Forgets at each start, and whenever the keyring has answered somebody: one that is locked asks its owner once.
pub(super) async fn forget_secrets(shared: Arc<Shared>) {
    loop {
        if let Err(error) = shared.forget_secrets(None).await {
            tracing::error!(%error, "what the keyring may forget cannot be read");
        }
        shared.access.may_forget().await;
    }
}

//! A keyring in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use holdfast_core::{
    account::AccountId,
    vault::{Credentials, Vault, VaultError},
};
use tokio::sync::watch;

/// How a keyring behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VaultMode {
    /// It keeps and gives.
    #[default]
    Works,
    /// None is installed.
    Unavailable,
    /// It answers once it is unlocked: when the mode becomes another.
    Locked,
    /// Its user said no.
    Denied,
}

/// Keeps credentials as long as it lives, across engines.
#[derive(Debug, Default)]
pub struct MemoryVault {
    entries: Mutex<HashMap<AccountId, Credentials>>,
    mode: watch::Sender<VaultMode>,
}

impl MemoryVault {
    /// Changes how it behaves from now on.
    pub fn set_mode(&self, mode: VaultMode) {
        self.mode.send_replace(mode);
    }

    /// The accounts whose credentials it has.
    pub fn accounts(&self) -> Vec<AccountId> {
        let mut accounts: Vec<_> = self.entries().keys().cloned().collect();
        accounts.sort();
        accounts
    }

    /// Questions that wait for it to be unlocked.
    pub fn waiting(&self) -> usize {
        self.mode.receiver_count()
    }

    async fn answer(&self) -> Result<MutexGuard<'_, HashMap<AccountId, Credentials>>, VaultError> {
        let unavailable = |why: &str| Err(VaultError::Unavailable(why.into()));
        let mode = self.mode.subscribe().wait_for(|mode| *mode != VaultMode::Locked).await.map(|mode| *mode);
        match mode {
            Ok(VaultMode::Works) => Ok(self.entries()),
            Ok(VaultMode::Denied) => unavailable("it is locked or refuses access"),
            _ => unavailable("none is installed, or there is no session bus"),
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<AccountId, Credentials>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn check(&self) -> Result<(), VaultError> {
        self.answer().await.map(drop)
    }

    async fn store(&self, account: &AccountId, credentials: &Credentials) -> Result<(), VaultError> {
        self.answer().await?.insert(account.clone(), credentials.clone());
        Ok(())
    }

    async fn load(&self, account: &AccountId) -> Result<Option<Credentials>, VaultError> {
        Ok(self.answer().await?.get(account).cloned())
    }

    async fn forget(&self, account: &AccountId) -> Result<(), VaultError> {
        self.answer().await?.remove(account);
        Ok(())
    }
}

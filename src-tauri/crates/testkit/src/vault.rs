//! A keyring in memory.

use std::{
    collections::{HashMap, HashSet},
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
    stuck: Mutex<HashSet<AccountId>>,
    mode: watch::Sender<VaultMode>,
}

impl MemoryVault {
    /// Changes how it behaves from now on.
    pub fn set_mode(&self, mode: VaultMode) {
        self.mode.send_replace(mode);
    }

    /// Keeps an account's credentials from now on, whoever wants them forgotten.
    pub fn hold(&self, account: &AccountId) {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone());
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
        let mode = self.mode.subscribe().wait_for(|mode| *mode != VaultMode::Locked).await.map(|mode| *mode);
        match mode {
            Ok(VaultMode::Works) => Ok(self.entries()),
            Ok(VaultMode::Denied) => Err(VaultError::Locked("it is locked or refuses access".into())),
            _ => Err(VaultError::Unavailable("none is installed, or there is no session bus".into())),
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
        let mut entries = self.answer().await?;
        if self.stuck.lock().unwrap_or_else(PoisonError::into_inner).contains(account) {
            return Err(VaultError::Entry("it has several entries for this account".into()));
        }
        entries.remove(account);
        Ok(())
    }
}

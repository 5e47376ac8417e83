//! A vault in memory: for this session only.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Credentials, Vault, VaultError};
use crate::ids::AccountId;

/// Forgets everything when Holdfast ends.
#[derive(Debug, Default)]
pub struct SessionVault(Mutex<HashMap<AccountId, Credentials>>);

impl SessionVault {
    /// Whether it has the account's credentials.
    pub fn has(&self, account: &AccountId) -> bool {
        self.entries().contains_key(account)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<AccountId, Credentials>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Vault for SessionVault {
    async fn check(&self) -> Result<(), VaultError> {
        Ok(())
    }

    async fn store(&self, account: &AccountId, credentials: &Credentials) -> Result<(), VaultError> {
        self.entries().insert(account.clone(), credentials.clone());
        Ok(())
    }

    async fn load(&self, account: &AccountId) -> Result<Option<Credentials>, VaultError> {
        Ok(self.entries().get(account).cloned())
    }

    async fn forget(&self, account: &AccountId) -> Result<(), VaultError> {
        self.entries().remove(account);
        Ok(())
    }
}

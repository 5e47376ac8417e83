//! How the engine gets at an account's provider: credentials from the vault, one adapter an account, and what the last
//! request showed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Account, AccountId, AccountState, Keep, SecretKept};
use crate::{
    clock::{Clock, UnixMillis},
    content::Limits,
    error::Error,
    provider::{Capabilities, Connect, Provider, ProviderError},
    vault::{Credentials, SessionVault, Vault},
};

/// The providers of all accounts.
pub(crate) struct Access {
    vault: Arc<dyn Vault>,
    session: SessionVault,
    connect: Arc<dyn Connect>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<AccountId, Known>>,
}

#[derive(Default)]
struct Known {
    provider: Option<Arc<dyn Provider>>,
    capabilities: Option<Capabilities>,
    state: Option<AccountState>,
    last_contact: Option<UnixMillis>,
    secret: Option<SecretKept>,
}

impl Access {
    pub(crate) fn new(vault: Arc<dyn Vault>, connect: Arc<dyn Connect>, clock: Arc<dyn Clock>) -> Self {
        Self { vault, session: SessionVault::default(), connect, clock, known: Mutex::default() }
    }

    /// The account's provider.
    pub(crate) async fn provider(&self, account: &Account) -> Result<Arc<dyn Provider>, Error> {
        if let Some(provider) = self.known().get(&account.id).and_then(|known| known.provider.clone()) {
            return Ok(provider);
        }
        let credentials = self.credentials(account).await?;
        let provider = self.connect.connect(account, credentials)?;
        self.known().entry(account.id.clone()).or_default().provider = Some(Arc::clone(&provider));
        Ok(provider)
    }

    /// A provider for an account that is not saved yet.
    pub(crate) fn try_out(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, Error> {
        self.connect.connect(account, credentials)
    }

    /// What the account's provider takes; asks it once. Where it does not answer, what every provider takes.
    pub(crate) async fn limits(&self, account: &Account) -> Limits {
        let known = self.known().get(&account.id).and_then(|known| known.capabilities);
        let capabilities = match known {
            Some(capabilities) => Ok(capabilities),
            None => self.test(account).await,
        };
        capabilities.map_or(Limits::LEAST, |capabilities| Limits {
            empty_files: capabilities.empty_files,
            directory_parts: capabilities.directory_parts,
            form_names: !capabilities.exact_paths,
        })
    }

    /// Asks whether the account's credentials are right.
    pub(crate) async fn test(&self, account: &Account) -> Result<Capabilities, Error> {
        let result = match self.provider(account).await {
            Ok(provider) => provider.test().await.map_err(Error::from),
            Err(error) => Err(error),
        };
        self.note(&account.id, result.as_ref().err());
        if let Ok(capabilities) = &result {
            self.known().entry(account.id.clone()).or_default().capabilities = Some(*capabilities);
        }
        result
    }

    /// Remembers what a request to the provider showed of the account.
    pub(crate) fn note(&self, account: &AccountId, error: Option<&Error>) {
        let state = match error {
            None => AccountState::Ok,
            Some(
                error @ (Error::NoSecret { .. }
                | Error::Vault(_)
                | Error::Provider(
                    ProviderError::Unauthorized { .. }
                    | ProviderError::Forbidden { .. }
                    | ProviderError::Network { .. }
                    | ProviderError::Unavailable { .. }
                    | ProviderError::NotAPinningApi { .. },
                )),
            ) => AccountState::Failed { code: error.code(), message: error.to_string() },
            // The provider answered; it only did not like this request.
            Some(_) => AccountState::Ok,
        };
        let mut known = self.known();
        let known = known.entry(account.clone()).or_default();
        if state == AccountState::Ok {
            known.last_contact = Some(self.clock.now());
        }
        known.state = Some(state);
    }

    /// What the last request showed, and when the provider last answered.
    pub(crate) fn state(&self, account: &AccountId) -> (AccountState, Option<UnixMillis>) {
        let known = self.known();
        let known = known.get(account);
        let state = known.and_then(|known| known.state.clone()).unwrap_or(AccountState::Unknown);
        (state, known.and_then(|known| known.last_contact))
    }

    /// Where the account's secret is.
    pub(crate) async fn secret_kept(&self, account: &AccountId) -> SecretKept {
        if self.session.has(account) {
            return SecretKept::Session;
        }
        if let Some(kept) = self.known().get(account).and_then(|known| known.secret) {
            return kept;
        }
        match self.vault.load(account).await {
            Ok(Some(_)) => {
                self.known().entry(account.clone()).or_default().secret = Some(SecretKept::Keyring);
                SecretKept::Keyring
            }
            _ => SecretKept::Missing,
        }
    }

    /// Keeps an account's credentials.
    pub(crate) async fn keep(&self, account: &AccountId, credentials: &Credentials, keep: Keep) -> Result<(), Error> {
        match keep {
            Keep::Keyring => {
                self.vault.store(account, credentials).await?;
                self.session.forget(account).await?;
            }
            Keep::Session => self.session.store(account, credentials).await?,
        }
        self.known().remove(account);
        Ok(())
    }

    /// Forgets everything about an account.
    pub(crate) async fn forget(&self, account: &AccountId) -> Result<(), Error> {
        self.known().remove(account);
        self.session.forget(account).await?;
        self.vault.forget(account).await?;
        Ok(())
    }

    async fn credentials(&self, account: &Account) -> Result<Credentials, Error> {
        if let Some(credentials) = self.session.load(&account.id).await? {
            return Ok(credentials);
        }
        let found = self.vault.load(&account.id).await?;
        found.ok_or_else(|| Error::NoSecret { label: account.label.clone() })
    }

    fn known(&self) -> MutexGuard<'_, HashMap<AccountId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

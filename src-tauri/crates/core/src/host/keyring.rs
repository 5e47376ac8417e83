//! The operating system's keyring: Secret Service, macOS Keychain, Windows Credential Manager.

use std::time::Duration;

use async_trait::async_trait;
use keyring::Entry;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    account::AccountId,
    vault::{Credentials, Vault, VaultError},
};

/// Under which all entries stand; users are account ids.
const SERVICE: &str = "network.holdfast.desktop";

/// A locked keyring asks its user; nobody may be there to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// The operating system's keyring.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyringVault;

#[async_trait]
impl Vault for KeyringVault {
    async fn check(&self) -> Result<(), VaultError> {
        with_entry("check".into(), |entry| match entry.get_password() {
            Ok(_) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    async fn store(&self, account: &AccountId, credentials: &Credentials) -> Result<(), VaultError> {
        let text = credentials.to_entry();
        with_entry(account.0.clone(), move |entry| entry.set_password(text.expose_secret())).await
    }

    async fn load(&self, account: &AccountId) -> Result<Option<Credentials>, VaultError> {
        let text = with_entry(account.0.clone(), |entry| match entry.get_password() {
            Ok(text) => Ok(Some(SecretString::from(text))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
        .await?;
        text.map(|text| Credentials::from_entry(text.expose_secret())).transpose()
    }

    async fn forget(&self, account: &AccountId) -> Result<(), VaultError> {
        with_entry(account.0.clone(), |entry| match entry.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }
}

/// Keyrings are spoken to in blocking calls that may wait for a person, so they get a thread and a deadline.
async fn with_entry<T: Send + 'static>(
    user: String,
    call: impl FnOnce(Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, VaultError> {
    let call = tokio::task::spawn_blocking(move || Entry::new(SERVICE, &user).and_then(call));
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(Ok(result)) => result.map_err(|error| describe(&error)),
        Ok(Err(_)) => Err(VaultError::Unavailable("its client failed".into())),
        Err(_) => Err(VaultError::Locked("it is locked and was not unlocked in time".into())),
    }
}

/// A stable label: the system's own text may be in any language and hold anything.
fn describe(error: &keyring::Error) -> VaultError {
    let unavailable = |why: &str| VaultError::Unavailable(why.into());
    let of_entry = |why: &str| VaultError::Entry(why.into());
    match error {
        keyring::Error::NoStorageAccess(_) => VaultError::Locked("it is locked or refuses access".into()),
        keyring::Error::NoDefaultStore => unavailable("none is installed, or there is no session bus"),
        keyring::Error::PlatformFailure(_) => unavailable("the system's secret service failed or is not there"),
        keyring::Error::TooLong(..) => of_entry("it cannot hold a secret of that length"),
        keyring::Error::Ambiguous(_) => of_entry("it has several entries for this account"),
        _ => of_entry("it answered in an unexpected way"),
    }
}

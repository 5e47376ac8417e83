//! The operating system's keyring: Secret Service, macOS Keychain, Windows Credential Manager.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use keyring::Entry;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::{
    ids::AccountId,
    vault::{Credentials, Vault, VaultError},
};

/// Under which all entries stand; users are account ids.
const SERVICE: &str = "network.holdfast.desktop";

/// A locked keyring asks its user; nobody may be there to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// The operating system's keyring.
#[derive(Clone, Debug, Default)]
pub struct KeyringVault {
    /// Of what is stored and forgotten: a secret that a locked keyring takes late must not come after it was to be forgotten.
    writes: Arc<Mutex<()>>,
}

#[async_trait]
impl Vault for KeyringVault {
    async fn check(&self) -> Result<(), VaultError> {
        within(DEADLINE, None, || read("check")).await.map(drop)
    }

    async fn store(&self, account: &AccountId, credentials: &Credentials) -> Result<(), VaultError> {
        let (user, text) = (account.0.clone(), credentials.to_entry());
        self.write(move || Entry::new(SERVICE, &user)?.set_password(text.expose_secret())).await
    }

    async fn load(&self, account: &AccountId) -> Result<Option<Credentials>, VaultError> {
        let user = account.0.clone();
        let text = within(DEADLINE, None, move || read(&user)).await?;
        text.map(|text| Credentials::from_entry(text.expose_secret())).transpose()
    }

    async fn forget(&self, account: &AccountId) -> Result<(), VaultError> {
        let user = account.0.clone();
        self.write(move || match Entry::new(SERVICE, &user)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }
}

impl KeyringVault {
    async fn write(&self, call: impl FnOnce() -> keyring::Result<()> + Send + 'static) -> Result<(), VaultError> {
        within(DEADLINE, Some(Arc::clone(&self.writes)), call).await
    }
}

fn read(user: &str) -> keyring::Result<Option<SecretString>> {
    match Entry::new(SERVICE, user)?.get_password() {
        Ok(text) => Ok(Some(Zeroizing::new(text).as_str().into())),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes turns where it is given one, and keeps its turn until the keyring is done, also when nobody waits for that any more.
/// Keyrings are spoken to in blocking calls that may wait for a person, so they get a thread and a deadline.
async fn within<T: Send + 'static>(
    deadline: Duration,
    turns: Option<Arc<Mutex<()>>>,
    call: impl FnOnce() -> keyring::Result<T> + Send + 'static,
) -> Result<T, VaultError> {
    let answer = async {
        let turn = match turns {
            Some(turns) => Some(turns.lock_owned().await),
            None => None,
        };
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            call()
        })
        .await
    };
    match tokio::time::timeout(deadline, answer).await {
        Ok(Ok(result)) => result.map_err(|error| describe(&error)),
        Ok(Err(_)) => Err(VaultError::Unavailable("its client failed".into())),
        Err(_) => Err(VaultError::Locked("it is locked and was not unlocked in time".into())),
    }
}

/// In words of ours: the system's own text may be in any language and hold anything.
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_write_that_was_not_waited_for_comes_before_later_ones_and_one_that_never_began_does_not_come() {
        const SHORT: Duration = Duration::from_millis(20);
        let (turns, (unlock, locked)) = (Arc::new(Mutex::new(())), mpsc::channel::<()>());
        let (done, in_order) = mpsc::channel();
        let says = |what: &'static str| {
            let done = done.clone();
            move || done.send(what).map_err(|_| keyring::Error::NoEntry)
        };
        let (turn, says_store) = (|| Some(Arc::clone(&turns)), says("store"));
        let store = within(SHORT, turn(), move || {
            locked.recv().unwrap();
            says_store()
        });
        assert!(matches!(store.await, Err(VaultError::Locked(_))));
        assert!(matches!(within(SHORT, turn(), says("early")).await, Err(VaultError::Locked(_))));
        let forget = within(DEADLINE, turn(), says("forget"));
        let (forgotten, ()) = tokio::join!(forget, async { unlock.send(()).unwrap() });
        forgotten.unwrap();
        drop(done);
        assert_eq!(in_order.iter().collect::<Vec<_>>(), ["store", "forget"]);
    }
}

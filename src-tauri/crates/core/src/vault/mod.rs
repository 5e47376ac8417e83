//! The vault: where secrets are kept. The only other place they appear is the request that needs them.

mod session;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::account::AccountId;

pub use session::SessionVault;

/// Longest key or secret that is taken.
const MAX_CREDENTIAL_BYTES: usize = 4 * 1024;

/// What a provider knows a user by.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The key's public half.
    pub key: SecretString,
    /// The key's secret half.
    pub secret: SecretString,
}

/// Why a vault cannot give or take a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No keyring answers: none installed, locked, or no session bus.
    #[error("no keyring answers ({0})")]
    Unavailable(String),
    /// What lies in the keyring was not put there by Holdfast.
    #[error("the keyring's entry for this account cannot be read")]
    Unreadable,
}

/// Keeps secrets by account.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// Whether the vault answers; what is wrong otherwise.
    async fn check(&self) -> Result<(), VaultError>;

    /// Keeps the account's credentials, in place of earlier ones.
    async fn store(&self, account: &AccountId, credentials: &Credentials) -> Result<(), VaultError>;

    /// The account's credentials, `None` where there are none.
    async fn load(&self, account: &AccountId) -> Result<Option<Credentials>, VaultError>;

    /// Forgets the account's credentials; that there are none is no error.
    async fn forget(&self, account: &AccountId) -> Result<(), VaultError>;
}

impl Credentials {
    /// Takes a key and secret as typed.
    ///
    /// # Errors
    /// The sentence to show, when one is empty, too long, or has characters that no HTTP header can carry.
    pub fn parse(key: &str, secret: SecretString) -> Result<Self, String> {
        check("key", key.trim())?;
        check("secret", secret.expose_secret().trim())?;
        Ok(Self { key: key.trim().into(), secret: secret.expose_secret().trim().into() })
    }

    /// One text for the keyring, which holds text: the key, a line break, the secret.
    pub(crate) fn to_entry(&self) -> SecretString {
        format!("{}\n{}", self.key.expose_secret(), self.secret.expose_secret()).into()
    }

    pub(crate) fn from_entry(entry: &str) -> Result<Self, VaultError> {
        let (key, secret) = entry.split_once('\n').ok_or(VaultError::Unreadable)?;
        Ok(Self { key: key.into(), secret: secret.into() })
    }
}

fn check(what: &str, text: &str) -> Result<(), String> {
    match text {
        "" => Err(format!("The {what} is missing.")),
        text if text.len() > MAX_CREDENTIAL_BYTES => Err(format!("The {what} is too long.")),
        text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(format!("The {what} has characters that no key has (spaces or accents?)."))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_header_can_carry_is_refused_without_repeating_it() {
        for (key, secret) in [("", "s"), ("k", " "), ("k\nx", "s"), ("k", "sécret"), ("k", "a b")] {
            let error = Credentials::parse(key, secret.into()).unwrap_err();
            assert!(!error.contains("sécret"), "{error}");
        }
        let parsed = Credentials::parse(" key ", " secret\n".into()).unwrap();
        let again = Credentials::from_entry(parsed.to_entry().expose_secret()).unwrap();
        assert_eq!((again.key.expose_secret(), again.secret.expose_secret()), ("key", "secret"));
    }

    #[test]
    fn debug_output_has_no_secret() {
        let credentials = Credentials::parse("thekey", "canary".into()).unwrap();
        let text = format!("{credentials:?}");
        assert!(!text.contains("canary") && !text.contains("thekey"), "{text}");
    }
}

//! The vault: where secrets are kept. The only other place they appear is the request that needs them.
//!
//! What is held here of a secret is wiped from the memory when it goes. Its copies in a request are not: the HTTP and TLS
//! libraries and the keyring's client have buffers of their own, which are freed as they are. A header with a secret is marked
//! as sensitive, so that no output shows it, and the process leaves no core file (see `holdfast-private`).

mod session;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

pub use session::SessionVault;

/// Longest key or secret that is taken.
const MAX_CREDENTIAL_BYTES: usize = 4 * 1024;

/// The forms in which a service knows its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// None: whoever reaches the service may use it.
    None,
    /// A key and a secret.
    KeyAndSecret,
    /// A token.
    Token,
    /// A user name and a password.
    Login,
}

/// What a provider knows a user by.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A key and a secret.
    KeyAndSecret {
        /// The key's public half.
        key: SecretString,
        /// The key's secret half.
        secret: SecretString,
    },
    /// A token.
    Token(SecretString),
    /// A user name and a password.
    Login {
        /// The user name.
        user: SecretString,
        /// The password.
        password: SecretString,
    },
}

/// Why a vault cannot give or take a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No keyring answers: none installed, or no session bus.
    #[error("no keyring answers ({0})")]
    Unavailable(String),
    /// It is locked, and nobody unlocked it in time, or its user said no.
    #[error("no keyring answers ({0})")]
    Locked(String),
    /// It answers, and has trouble with this account's entry.
    #[error("the keyring cannot be used for this account ({0})")]
    Entry(String),
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

impl CredentialKind {
    /// The form's name in the database, in the keyring and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::KeyAndSecret => "key_and_secret",
            Self::Token => "token",
            Self::Login => "login",
        }
    }

    /// The form of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::None, Self::KeyAndSecret, Self::Token, Self::Login].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Credentials {
    /// Takes a key and secret as typed.
    ///
    /// # Errors
    /// The sentence to show, when one is empty, too long, or has characters that no HTTP header can carry.
    pub fn key_and_secret(key: &str, secret: &SecretString) -> Result<Self, String> {
        Ok(Self::KeyAndSecret { key: parse("key", key)?, secret: parse("secret", secret.expose_secret())? })
    }

    /// Takes a token as typed.
    ///
    /// # Errors
    /// As for [`Credentials::key_and_secret`].
    pub fn token(token: &SecretString) -> Result<Self, String> {
        Ok(Self::Token(parse("token", token.expose_secret())?))
    }

    /// Takes a user name and a password as typed.
    ///
    /// # Errors
    /// As for [`Credentials::key_and_secret`], and when the user name has a colon, which ends it in a header (RFC 7617).
    pub fn login(user: &str, password: &SecretString) -> Result<Self, String> {
        if user.contains(':') {
            return Err("A user name has no colon.".into());
        }
        let password = password.expose_secret();
        if password.is_empty() || password.len() > MAX_CREDENTIAL_BYTES || password.chars().any(char::is_control) {
            return Err("The password is missing, too long, or has a line break in it.".into());
        }
        Ok(Self::Login { user: parse("user name", user)?, password: password.into() })
    }

    /// Their form.
    #[must_use]
    pub const fn kind(&self) -> CredentialKind {
        match self {
            Self::None => CredentialKind::None,
            Self::KeyAndSecret { .. } => CredentialKind::KeyAndSecret,
            Self::Token(_) => CredentialKind::Token,
            Self::Login { .. } => CredentialKind::Login,
        }
    }

    /// Whether a service could not tell them from the others.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.to_entry().expose_secret() == other.to_entry().expose_secret()
    }

    /// One text for the keyring, which holds text: the name of the form, and each part on a line of its own.
    pub(crate) fn to_entry(&self) -> SecretString {
        let parts = match self {
            Self::None => vec![],
            Self::Token(token) => vec![token],
            Self::KeyAndSecret { key: first, secret: second } | Self::Login { user: first, password: second } => {
                vec![first, second]
            }
        };
        let lines = std::iter::once(self.kind().as_str()).chain(parts.into_iter().map(ExposeSecret::expose_secret));
        lines.collect::<Vec<_>>().join("\n").into()
    }

    pub(crate) fn from_entry(entry: &str) -> Result<Self, VaultError> {
        let mut lines = entry.split('\n');
        let kind = lines.next().and_then(CredentialKind::named).ok_or(VaultError::Unreadable)?;
        let mut part = || lines.next().map(SecretString::from).ok_or(VaultError::Unreadable);
        Ok(match kind {
            CredentialKind::None => Self::None,
            CredentialKind::KeyAndSecret => Self::KeyAndSecret { key: part()?, secret: part()? },
            CredentialKind::Token => Self::Token(part()?),
            CredentialKind::Login => Self::Login { user: part()?, password: part()? },
        })
    }
}

fn parse(what: &str, text: &str) -> Result<SecretString, String> {
    let text = text.trim();
    check(what, text)?;
    Ok(text.into())
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
            let error = Credentials::key_and_secret(key, &secret.into()).unwrap_err();
            assert!(!error.contains("sécret"), "{error}");
        }
        assert!(Credentials::login("a:b", &"p".into()).is_err());
    }

    #[test]
    fn every_part_of_credentials_is_wiped_when_it_goes() {
        // Of anything else this does not compile.
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        for credentials in [Credentials::None, Credentials::token(&"token".into()).unwrap()] {
            match &credentials {
                Credentials::None => {}
                Credentials::KeyAndSecret { key: one, secret: other }
                | Credentials::Login { user: one, password: other } => {
                    is_wiped(one);
                    is_wiped(other);
                }
                Credentials::Token(token) => is_wiped(token),
            }
            is_wiped(&credentials.to_entry());
        }
    }

    #[test]
    fn every_form_comes_back_from_the_keyring() {
        for credentials in [
            Credentials::None,
            Credentials::key_and_secret(" key ", &" secret\n".into()).unwrap(),
            Credentials::token(&"token".into()).unwrap(),
            Credentials::login("user", &"pass wörd ".into()).unwrap(),
        ] {
            let entry = credentials.to_entry();
            let again = Credentials::from_entry(entry.expose_secret()).unwrap();
            assert_eq!(again.to_entry().expose_secret(), entry.expose_secret());
            assert_eq!(again.kind(), credentials.kind());
        }
        let pair = Credentials::key_and_secret(" key ", &" secret\n".into()).unwrap();
        assert_eq!(pair.to_entry().expose_secret(), "key_and_secret\nkey\nsecret");
        assert!(Credentials::from_entry("key\nsecret").is_err());
    }

    #[test]
    fn debug_output_has_no_secret() {
        let credentials = Credentials::key_and_secret("thekey", &"canary".into()).unwrap();
        let text = format!("{credentials:?}");
        assert!(!text.contains("canary") && !text.contains("thekey"), "{text}");
    }
}

//! Accounts as the web view sees them. Secrets come in with a draft and never go out.

use holdfast_core::Error;
use holdfast_core::account::{self, AccountView, Preset};
use holdfast_core::vault::Credentials;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProviderKind {
    Aioz,
    Psa,
    Kubo,
    Cluster,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountState {
    Ok,
    Unauthorized,
    Unreachable,
    NoSecret,
    Unknown,
}

/// Where an account's secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecretKept {
    Keyring,
    Session,
    NotNeeded,
    Missing,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) kind: ProviderKind,
    pub(crate) endpoint: String,
    pub(crate) gateway: Option<String>,
    /// True for the account of the service that runs inside this program.
    pub(crate) this_computer: bool,
    pub(crate) state: AccountState,
    pub(crate) state_message: Option<String>,
    pub(crate) secret_kept: SecretKept,
    pub(crate) pins: u64,
    pub(crate) bytes: u64,
    /// Milliseconds since the Unix epoch.
    pub(crate) last_contact: Option<i64>,
}

/// A known host that the dialog offers.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct AccountPreset {
    pub(crate) kind: ProviderKind,
    pub(crate) name: String,
    pub(crate) endpoint: String,
    pub(crate) gateway: Option<String>,
}

/// What the person typed. `secret` travels one way only, into Rust.
#[derive(Debug, Deserialize, TS)]
pub(crate) struct AccountDraft {
    pub(crate) label: String,
    pub(crate) kind: ProviderKind,
    pub(crate) endpoint: String,
    pub(crate) gateway: Option<String>,
    pub(crate) key: String,
    #[ts(type = "string")]
    pub(crate) secret: SecretString,
}

#[derive(Debug, Deserialize, TS)]
pub(crate) struct AddAccountRequest {
    pub(crate) draft: AccountDraft,
    /// Keep the secret in memory only, until the program ends.
    pub(crate) session_only: bool,
}

impl From<AccountView> for Account {
    fn from(view: AccountView) -> Self {
        let (state, state_message) = state(view.state);
        let gateway = view.account.gateway_text();
        let state = if view.secret_kept == account::SecretKept::Missing { AccountState::NoSecret } else { state };
        Self {
            id: view.account.id.0,
            label: view.account.label,
            kind: view.account.kind.into(),
            endpoint: view.account.endpoint.into(),
            gateway,
            this_computer: view.account.this_computer,
            state,
            state_message,
            secret_kept: match view.secret_kept {
                account::SecretKept::Keyring => SecretKept::Keyring,
                account::SecretKept::Session => SecretKept::Session,
                account::SecretKept::NotNeeded => SecretKept::NotNeeded,
                account::SecretKept::Missing => SecretKept::Missing,
            },
            pins: view.pins,
            bytes: view.bytes,
            last_contact: view.last_contact.map(|time| time.0),
        }
    }
}

fn state(state: account::AccountState) -> (AccountState, Option<String>) {
    use holdfast_core::Code;
    match state {
        account::AccountState::Ok => (AccountState::Ok, None),
        account::AccountState::Unknown => (AccountState::Unknown, None),
        account::AccountState::Failed { code: Code::Unauthorized | Code::Forbidden, message } => {
            (AccountState::Unauthorized, Some(message))
        }
        account::AccountState::Failed { code: Code::KeyringUnavailable, message } => {
            (AccountState::NoSecret, Some(message))
        }
        account::AccountState::Failed { message, .. } => (AccountState::Unreachable, Some(message)),
    }
}

impl From<&Preset> for AccountPreset {
    fn from(preset: &Preset) -> Self {
        Self {
            kind: preset.kind.into(),
            name: preset.name.to_owned(),
            endpoint: preset.endpoint.to_owned(),
            gateway: Some(preset.gateway.to_owned()),
        }
    }
}

impl TryFrom<AccountDraft> for account::AccountDraft {
    type Error = Error;

    fn try_from(draft: AccountDraft) -> Result<Self, Error> {
        Ok(Self {
            label: draft.label,
            kind: draft.kind.into(),
            endpoint: draft.endpoint,
            gateway: draft.gateway,
            credentials: Credentials::key_and_secret(&draft.key, &draft.secret).map_err(Error::InvalidInput)?,
            plain_http: account::PlainHttp::Refused,
        })
    }
}

impl From<account::ProviderKind> for ProviderKind {
    fn from(kind: account::ProviderKind) -> Self {
        match kind {
            account::ProviderKind::Aioz => Self::Aioz,
            account::ProviderKind::Psa => Self::Psa,
            account::ProviderKind::Kubo => Self::Kubo,
            account::ProviderKind::Cluster => Self::Cluster,
        }
    }
}

impl From<ProviderKind> for account::ProviderKind {
    fn from(kind: ProviderKind) -> Self {
        match kind {
            ProviderKind::Aioz => Self::Aioz,
            ProviderKind::Psa => Self::Psa,
            ProviderKind::Kubo => Self::Kubo,
            ProviderKind::Cluster => Self::Cluster,
        }
    }
}

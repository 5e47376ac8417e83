//! Accounts as the web view sees them. Secrets come in with a draft and never go out.

use holdfast_core::account::{self, AccountView, Preset, UploadRoute};
use holdfast_core::gateway::{FetchSources, OFFERED_GATEWAY, as_typed};
use holdfast_core::provider;
use holdfast_core::vault::{self, Credentials};
use holdfast_core::{Error, SecretRemoval};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Shown;
use super::card::AccountCard;

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
    pub(crate) state_message: Option<Shown>,
    pub(crate) secret_kept: SecretKept,
    pub(crate) pins: u64,
    pub(crate) bytes: u64,
    /// Milliseconds since the Unix epoch.
    pub(crate) last_contact: Option<i64>,
    /// What it told of its pins is as of `last_contact`: it was asked since, and did not tell.
    pub(crate) is_outdated: bool,
    /// Pins that were in its list so far, while that is being read.
    pub(crate) reading: Option<u64>,
    pub(crate) credentials: CredentialKind,
    /// What the last check found out; null before there was one.
    pub(crate) card: Option<AccountCard>,
    pub(crate) can_upload: CanUpload,
    /// The label of the account of the node that files go through.
    pub(crate) upload_through: Option<String>,
    pub(crate) can_edit: bool,
    /// Pins have metadata there, and not only a name.
    pub(crate) keeps_metadata: bool,
    /// Of the account of the service that runs inside this program: links copied before have this port, which another
    /// program has.
    pub(crate) lost_port: Option<u16>,
    /// Of that account too: where its service may fetch what it is asked to pin by CID.
    pub(crate) fetches_from: Option<FetchesFrom>,
    pub(crate) usage: Option<AccountUsage>,
}

/// What the person agreed to, and what it comes to.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct FetchesFrom {
    pub(crate) gateways: Vec<String>,
    /// The gateways of the other accounts too.
    pub(crate) of_accounts: bool,
    /// All that may be asked now.
    pub(crate) now: Vec<String>,
    /// A gateway for who knows none.
    pub(crate) offered: &'static str,
}

/// What the person agrees to from now on; nothing that is not in it.
#[derive(Debug, Deserialize, TS)]
pub(crate) struct SetFetchSourcesRequest {
    /// As typed.
    pub(crate) gateways: Vec<String>,
    pub(crate) of_accounts: bool,
    /// The person knows that a gateway on another machine is spoken to unencrypted.
    pub(crate) plain_http: bool,
}

/// How much an account used when its service was last asked.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub(crate) struct AccountUsage {
    pub(crate) used_bytes: u64,
    pub(crate) quota_bytes: Option<u64>,
    /// Milliseconds since the Unix epoch.
    pub(crate) as_of: i64,
}

/// How files get to an account. One that only pins by CID gets them through the person's own node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CanUpload {
    Yes,
    ThroughNode,
    NeedsNode,
}

/// A form in which a service knows its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialKind {
    None,
    KeyAndSecret,
    Token,
    Login,
}

/// A known host that the dialog offers.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct AccountPreset {
    pub(crate) kind: ProviderKind,
    pub(crate) name: String,
    pub(crate) endpoint: String,
    pub(crate) gateway: Option<String>,
    /// The forms that the service takes, the usual one first.
    pub(crate) credentials: Vec<CredentialKind>,
    /// What the service calls its secret or token.
    pub(crate) secret_label: String,
    /// Where that is found, and what the service can and cannot do.
    pub(crate) help: String,
    pub(crate) help_url: Option<String>,
}

/// What the person typed to be known by. It travels one way only, into Rust.
#[derive(Debug, Deserialize, TS)]
#[serde(tag = "form", rename_all = "snake_case")]
pub(crate) enum CredentialsDraft {
    None,
    KeyAndSecret {
        key: String,
        #[ts(type = "string")]
        secret: SecretString,
    },
    Token {
        #[ts(type = "string")]
        token: SecretString,
    },
    Login {
        user: String,
        #[ts(type = "string")]
        password: SecretString,
    },
}

/// What the person typed. `credentials` travel one way only, into Rust.
#[derive(Debug, Deserialize, TS)]
pub(crate) struct AccountDraft {
    pub(crate) label: String,
    pub(crate) kind: ProviderKind,
    pub(crate) endpoint: String,
    pub(crate) gateway: Option<String>,
    pub(crate) credentials: CredentialsDraft,
    /// The person knows that the secret travels unencrypted to another machine.
    pub(crate) plain_http: bool,
}

/// A pinning service that the person's Kubo node has in its settings.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct FoundService {
    pub(crate) name: String,
    /// What its account is called, or would be.
    pub(crate) label: String,
    pub(crate) kind: ProviderKind,
    pub(crate) endpoint: String,
    pub(crate) already_added: bool,
    /// What keeps it from being added as it is.
    pub(crate) problem: Option<Shown>,
}

#[derive(Debug, Deserialize, TS)]
pub(crate) struct ImportKuboServicesRequest {
    pub(crate) names: Vec<String>,
    /// Keep the secrets in memory only, until the program ends.
    pub(crate) session_only: bool,
}

/// Null is what stays as it is.
#[derive(Debug, Deserialize, TS)]
pub(crate) struct EditAccountRequest {
    pub(crate) id: String,
    pub(crate) label: Option<String>,
    /// Empty for none.
    pub(crate) gateway: Option<String>,
    /// The person knows that content travels unencrypted from another machine.
    pub(crate) plain_http: bool,
}

/// What became of an account that was to be removed.
#[derive(Clone, Copy, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountRemoval {
    Complete,
    /// The keyring has its secret until it answers.
    KeyringLater,
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
        let (can_upload, upload_through) = match view.upload {
            UploadRoute::Direct => (CanUpload::Yes, None),
            UploadRoute::Through { label } => (CanUpload::ThroughNode, Some(label)),
            UploadRoute::NeedsNode => (CanUpload::NeedsNode, None),
        };
        let state = if view.secret_kept == account::SecretKept::Missing { AccountState::NoSecret } else { state };
        let gateway = view.account.gateway_text();
        Self {
            id: view.account.id.0,
            label: view.account.label,
            kind: view.account.kind.into(),
            endpoint: view.account.endpoint.into(),
            gateway,
            this_computer: view.account.this_computer,
            state,
            state_message: state_message.map(Shown::from),
            secret_kept: match view.secret_kept {
                account::SecretKept::Keyring => SecretKept::Keyring,
                account::SecretKept::Session => SecretKept::Session,
                account::SecretKept::NotNeeded => SecretKept::NotNeeded,
                account::SecretKept::Missing => SecretKept::Missing,
            },
            pins: view.pins,
            bytes: view.bytes,
            last_contact: view.last_contact.map(|time| time.0),
            is_outdated: view.is_outdated,
            reading: view.reading,
            credentials: view.account.credentials.into(),
            card: view.account.card.map(AccountCard::from),
            can_upload,
            upload_through,
            can_edit: view.can_edit,
            keeps_metadata: view.keeps_metadata,
            lost_port: view.lost_port,
            fetches_from: view.fetches_from.map(FetchesFrom::from),
            usage: view.usage.map(AccountUsage::from),
        }
    }
}

impl From<account::FetchesFrom> for FetchesFrom {
    fn from(from: account::FetchesFrom) -> Self {
        Self {
            gateways: as_typed(&from.agreed.gateways),
            of_accounts: from.agreed.of_accounts,
            now: as_typed(&from.now),
            offered: OFFERED_GATEWAY,
        }
    }
}

impl TryFrom<SetFetchSourcesRequest> for FetchSources {
    type Error = Error;

    fn try_from(request: SetFetchSourcesRequest) -> Result<Self, Error> {
        Self::typed(&request.gateways, request.of_accounts, plain_http(request.plain_http))
    }
}

impl From<account::UsageThen> for AccountUsage {
    fn from(then: account::UsageThen) -> Self {
        let provider::Usage { used_bytes, quota_bytes } = then.usage;
        Self { used_bytes, quota_bytes, as_of: then.at.0 }
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
        account::AccountState::Failed { code: Code::KeyringUnavailable | Code::NoSecret, message } => {
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
            gateway: preset.gateway.map(str::to_owned),
            credentials: preset.credentials().iter().map(|kind| (*kind).into()).collect(),
            secret_label: preset.secret_label.to_owned(),
            help: preset.help.to_owned(),
            help_url: preset.help_url.map(str::to_owned),
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
            credentials: draft.credentials.try_into()?,
            plain_http: plain_http(draft.plain_http),
        })
    }
}

impl From<EditAccountRequest> for account::AccountEdit {
    fn from(request: EditAccountRequest) -> Self {
        Self { label: request.label, gateway: request.gateway, plain_http: plain_http(request.plain_http) }
    }
}

impl From<SecretRemoval> for AccountRemoval {
    fn from(secret: SecretRemoval) -> Self {
        match secret {
            SecretRemoval::Done => Self::Complete,
            SecretRemoval::WhenKeyringAnswers => Self::KeyringLater,
        }
    }
}

const fn plain_http(is_accepted: bool) -> account::PlainHttp {
    if is_accepted { account::PlainHttp::Accepted } else { account::PlainHttp::Refused }
}

impl From<holdfast_core::FoundService> for FoundService {
    fn from(found: holdfast_core::FoundService) -> Self {
        Self {
            name: found.name,
            label: found.label,
            kind: found.kind.into(),
            endpoint: found.endpoint,
            already_added: found.already_added,
            problem: found.problem.map(Shown::from),
        }
    }
}

impl TryFrom<CredentialsDraft> for Credentials {
    type Error = Error;

    fn try_from(draft: CredentialsDraft) -> Result<Self, Error> {
        match draft {
            CredentialsDraft::None => Ok(Self::None),
            CredentialsDraft::KeyAndSecret { key, secret } => Self::key_and_secret(&key, &secret),
            CredentialsDraft::Token { token } => Self::token(&token),
            CredentialsDraft::Login { user, password } => Self::login(&user, &password),
        }
        .map_err(Error::InvalidInput)
    }
}

impl From<vault::CredentialKind> for CredentialKind {
    fn from(kind: vault::CredentialKind) -> Self {
        match kind {
            vault::CredentialKind::None => Self::None,
            vault::CredentialKind::KeyAndSecret => Self::KeyAndSecret,
            vault::CredentialKind::Token => Self::Token,
            vault::CredentialKind::Login => Self::Login,
        }
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

//! Accounts: one login at one provider. The secret lives in the vault under the account's id, never here.

mod access;
mod card;
pub(crate) mod kubo_config;
mod login;
mod preset;
mod probe;
mod sample;

use holdfast_content::{gateway_as_typed, gateway_link};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    clock::UnixMillis,
    code::Code,
    error::Error,
    gateway::FetchSources,
    provider::{
        Usage,
        http::{is_near, is_this_computer},
    },
    vault::{CredentialKind, Credentials},
};

pub use crate::ids::AccountId;
pub(crate) use access::{Access, Contact, Since};
pub use card::{AccountCard, Deletion, Duplicates};
pub use login::SameLogin;
pub(crate) use login::{Lists, are_at_one_service, same_login};
pub use preset::{PRESETS, Preset};
pub(crate) use probe::probe;
pub(crate) use sample::Mark;

/// Longest label, in characters.
const MAX_LABEL_CHARS: usize = 100;

/// The kind of service, spoken to by one adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// AIOZ Pin, also known as W3IPFS; and Holdfast's own service.
    Aioz,
    /// Any service with the IPFS Pinning Service API.
    Psa,
    /// A Kubo node, by its RPC API.
    Kubo,
    /// An IPFS Cluster, by its REST API.
    Cluster,
}

impl ProviderKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Aioz, Self::Psa, Self::Kubo, Self::Cluster];

    /// The kind's name in the database, on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aioz => "aioz",
            Self::Psa => "psa",
            Self::Kubo => "kubo",
            Self::Cluster => "cluster",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The forms of credentials that services of this kind take, the usual one first.
    #[must_use]
    pub const fn credentials(self) -> &'static [CredentialKind] {
        match self {
            Self::Aioz => &[CredentialKind::KeyAndSecret],
            Self::Psa => &[CredentialKind::Token],
            Self::Kubo | Self::Cluster => &[CredentialKind::None, CredentialKind::Login, CredentialKind::Token],
        }
    }
}

/// One login at one provider, as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name that the user gave it; no two accounts share one.
    pub label: String,
    /// The kind of service.
    pub kind: ProviderKind,
    /// The API's base, without a slash at its end.
    pub endpoint: Url,
    /// The gateway's base, without a slash at its end: links are `{gateway}/ipfs/{cid}`. Where it has `{cid}` in it, the CID
    /// stands there.
    pub gateway: Option<Url>,
    /// The form of its credentials.
    pub credentials: CredentialKind,
    /// Whether it is the service that Holdfast itself runs.
    pub this_computer: bool,
    /// The profile that gives this provider's CIDs, once an upload has shown it.
    pub profile: Option<holdfast_content::Profile>,
    /// What the last check of the account found out.
    pub card: Option<AccountCard>,
}

/// What a user enters for a new account.
#[derive(Debug)]
pub struct AccountDraft {
    /// The label.
    pub label: String,
    /// The kind of service.
    pub kind: ProviderKind,
    /// The API's base as typed.
    pub endpoint: String,
    /// The gateway's base as typed; empty for the preset's, where there is one.
    pub gateway: Option<String>,
    /// What the service knows the user by.
    pub credentials: Credentials,
    /// Whether the secret may travel unencrypted to another machine.
    pub plain_http: PlainHttp,
}

/// What a user changes of an account; `None` for what stays as it is.
#[derive(Debug, Default)]
pub struct AccountEdit {
    /// The label.
    pub label: Option<String>,
    /// The gateway's base as typed; empty for none.
    pub gateway: Option<String>,
    /// Whether the gateway may be unencrypted on another machine.
    pub plain_http: PlainHttp,
}

/// What becomes of an `http:` address that leads to another machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// It is refused: the secret would travel unencrypted.
    #[default]
    Refused,
    /// The user knows what it means, and takes it.
    Accepted,
}

/// Where a new secret may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// In the operating system's keyring, or the account is not added.
    Keyring,
    /// In memory, until Holdfast ends.
    Session,
}

/// Where an account's secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretKept {
    /// In the keyring.
    Keyring,
    /// In memory.
    Session,
    /// Nowhere: the service asks for none, or Holdfast runs it and makes its keys anew each time.
    NotNeeded,
    /// Nowhere; it must be entered again.
    Missing,
}

/// What the last request to the provider showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Not asked yet.
    Unknown,
    /// It answered.
    Ok,
    /// It did not, or not with a list that could be read to its end, and why.
    Failed {
        /// The class of the failure.
        code: Code,
        /// The failure in words.
        message: String,
    },
}

/// How files from this computer get to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadRoute {
    /// They are sent to it.
    Direct,
    /// It only pins by CID: they are added at the user's own node, and it gets them from there.
    Through {
        /// The label of the node's account.
        label: String,
    },
    /// It only pins by CID, and there is no node.
    NeedsNode,
}

/// An account with what is known about it now.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// Where its secret is.
    pub secret_kept: SecretKept,
    /// What the last request showed.
    pub state: AccountState,
    /// When the provider last answered.
    pub last_contact: Option<UnixMillis>,
    /// What it told of its pins may not be so any more: it was asked since `last_contact`, and did not tell.
    pub is_outdated: bool,
    /// Pins in the mirror.
    pub pins: u64,
    /// Their sizes together, where known.
    pub bytes: u64,
    /// How files get there.
    pub upload: UploadRoute,
    /// Whether a pin's name, and its metadata where there is any, can be changed there.
    pub can_edit: bool,
    /// Whether its pins have metadata, and not only a name.
    pub keeps_metadata: bool,
    /// For *This computer*, when another program has its port: links copied before have that port, and lead nowhere.
    pub lost_port: Option<u16>,
    /// For *This computer*: where it may fetch what it is asked to pin by CID.
    pub fetches_from: Option<FetchesFrom>,
    /// How much is used there, and when the service said so.
    pub usage: Option<UsageThen>,
    /// While its list is being read: pins that were in it so far.
    pub reading: Option<u64>,
}

/// Where *This computer* may fetch what it is asked to pin by CID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchesFrom {
    /// What the person agreed to.
    pub agreed: FetchSources,
    /// The gateways that this comes to now, with the accounts that there are.
    pub now: Vec<Url>,
}

/// How much an account used when its service was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageThen {
    /// How much.
    pub usage: Usage,
    /// When.
    pub at: UnixMillis,
}

impl Account {
    /// The link at which the account's gateway serves `cid`.
    #[must_use]
    pub fn gateway_link(&self, cid: &str) -> Option<String> {
        self.gateway.as_ref().map(|base| gateway_link(base.as_str(), cid))
    }

    /// The gateway as the user typed it.
    #[must_use]
    pub fn gateway_text(&self) -> Option<String> {
        self.gateway.as_ref().map(|base| gateway_as_typed(base.as_str()))
    }
}

/// An endpoint or gateway as typed, made a base URL without a slash at its end.
///
/// # Errors
/// [`Error::InvalidInput`] for what is no http or https URL, has credentials, a query or a fragment in it, or would send
/// secrets unencrypted to another machine.
pub fn parse_base_url(what: &str, text: &str, plain_http: PlainHttp) -> Result<Url, Error> {
    let invalid = |why: &str| Error::InvalidInput(format!("The {what} {why}."));
    let text = text.trim();
    if text.is_empty() {
        return Err(invalid("is missing"));
    }
    if let Some(meant) = of_multiaddr(text) {
        return Err(invalid(&format!("is a multiaddr; write {meant}")));
    }
    let is_complete = text.contains("://");
    let with_scheme = if is_complete { text.into() } else { format!("https://{text}") };
    let mut url = Url::parse(&with_scheme).map_err(|error| invalid(&format!("is not a URL ({error})")))?;
    // Out there everybody has a certificate; what is near seldom has one.
    if !is_complete && is_near(&url) {
        return Err(invalid(&format!(
            "does not say how it is spoken to; write http://{text}, or https://{text} where it has a certificate"
        )));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_this_computer(&url) || plain_http == PlainHttp::Accepted => {}
        "http" => return Err(invalid("must start with https://, or the secret would travel unencrypted")),
        _ => return Err(invalid("must start with https://")),
    }
    if url.host().is_none() {
        return Err(invalid("has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("must not have a user name or password in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("must not have a query or fragment"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// What a multiaddr as nodes print it (`/ip4/127.0.0.1/tcp/5001`) is as a URL.
fn of_multiaddr(text: &str) -> Option<String> {
    let mut parts = text.strip_prefix('/')?.split('/');
    let host = match (parts.next()?, parts.next()?) {
        ("ip4" | "dns" | "dns4" | "dns6", host) => host.to_owned(),
        ("ip6", host) => format!("[{host}]"),
        _ => return None,
    };
    let (Some("tcp"), Some(port)) = (parts.next(), parts.next()) else { return None };
    let scheme = if parts.any(|part| matches!(part, "https" | "tls")) { "https" } else { "http" };
    Some(format!("{scheme}://{host}:{port}"))
}

/// A label as typed, trimmed.
///
/// # Errors
/// [`Error::InvalidInput`] when it is empty, too long, or has control characters.
pub fn parse_label(text: &str) -> Result<String, Error> {
    let label = text.trim();
    if label.is_empty() {
        return Err(Error::InvalidInput("The account needs a label.".into()));
    }
    if label.chars().count() > MAX_LABEL_CHARS || label.chars().any(char::is_control) {
        return Err(Error::InvalidInput(format!(
            "A label has at most {MAX_LABEL_CHARS} characters and no line breaks."
        )));
    }
    Ok(label.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        parse_base_url("endpoint", text, PlainHttp::Refused).unwrap().to_string()
    }

    #[test]
    fn an_endpoint_is_taken_with_or_without_scheme_and_slash() {
        assert_eq!(parsed("https://api.aiozpin.network/api/"), "https://api.aiozpin.network/api");
        assert_eq!(parsed(" api.aiozpin.network/api "), "https://api.aiozpin.network/api");
        assert_eq!(parsed("http://127.0.0.1:8080/api"), "http://127.0.0.1:8080/api");
        assert_eq!(parsed("http://localhost/api"), "http://localhost/api");
    }

    #[test]
    fn an_endpoint_that_does_not_say_how_it_is_spoken_to_is_answered_with_what_to_write() {
        for (text, write) in [
            ("127.0.0.1:5001", "write http://127.0.0.1:5001, or https://127.0.0.1:5001 where"),
            ("localhost:5001/api/v0", "write http://localhost:5001/api/v0, or"),
            (" [::1]:5001 ", "write http://[::1]:5001, or"),
            ("nas:9094", "write http://nas:9094, or"),
            ("192.168.1.5", "write http://192.168.1.5, or"),
            ("/ip4/127.0.0.1/tcp/5001", "is a multiaddr; write http://127.0.0.1:5001."),
            ("/ip6/::1/tcp/5001", "is a multiaddr; write http://[::1]:5001."),
            ("/dns4/node.example/tcp/443/https", "write https://node.example:443."),
        ] {
            let error = parse_base_url("endpoint", text, PlainHttp::Refused).unwrap_err().to_string();
            assert!(error.contains(write), "{text:?}: {error}");
        }
        assert_eq!(parsed("pins.example.com:8443/psa"), "https://pins.example.com:8443/psa");
    }

    #[test]
    fn names_below_localhost_are_trusted_with_nothing_unencrypted() {
        for text in ["http://pins.localhost:5001", "http://localhost.:5001", "http://localhost.example"] {
            assert!(parse_base_url("endpoint", text, PlainHttp::Refused).is_err(), "{text}");
            assert!(parse_base_url("endpoint", text, PlainHttp::Accepted).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_endpoint_that_would_leak_or_mislead_is_refused() {
        for text in [
            "",
            "http://example.com/api",
            "ftp://example.com",
            "https://u:p@example.com",
            "https://x/?a=1",
            "https://",
            "a b",
        ] {
            let parsed = parse_base_url("endpoint", text, PlainHttp::Refused);
            assert!(matches!(parsed, Err(Error::InvalidInput(_))), "{text:?}");
        }
        let accepted = parse_base_url("endpoint", "http://192.168.1.5:5001", PlainHttp::Accepted).unwrap();
        assert_eq!(accepted.as_str(), "http://192.168.1.5:5001/");
    }
}

//! What a Kubo repository says of services: the remote ones that `ipfs pin remote` uses, and the node itself.
//!
//! Only reads. Nothing of what a secret stands in is ever part of an error.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::{AccountDraft, PlainHttp, ProviderKind, parse_base_url};
use crate::{
    disk::{Disk, EntryKind},
    error::Error,
    vault::Credentials,
};

/// Longer than any configuration; a file of another kind is not read whole.
const MAX_CONFIG_BYTES: usize = 1024 * 1024;

/// What the account of the node itself is called.
const NODE_NAME: &str = "Kubo";

/// All calls that Holdfast makes begin with this.
const RPC_PATH: &str = "/api/v0";

/// A service that a Kubo repository names.
#[derive(Debug)]
pub(crate) struct KuboService {
    pub(crate) name: String,
    pub(crate) kind: ProviderKind,
    pub(crate) endpoint: String,
    pub(crate) gateway: Option<String>,
    /// Or the sentence that says what is wrong with them.
    pub(crate) credentials: Result<Credentials, String>,
}

impl KuboService {
    /// What a user would have entered for it.
    pub(crate) fn into_draft(self, label: String) -> Result<AccountDraft, Error> {
        Ok(AccountDraft {
            label,
            kind: self.kind,
            endpoint: self.endpoint,
            gateway: self.gateway,
            credentials: self.credentials.map_err(Error::InvalidInput)?,
            plain_http: PlainHttp::Refused,
        })
    }
}

/// The repository that Kubo's own commands use: `IPFS_PATH`, else `.ipfs` in the user's home.
pub(crate) fn usual_repository() -> Option<PathBuf> {
    let named = std::env::var_os("IPFS_PATH").filter(|path| !path.is_empty());
    named.map(PathBuf::from).or_else(|| std::env::home_dir().map(|home| home.join(".ipfs")))
}

/// The services of the repository at `path`, which may also be its file `config`. The node comes first.
///
/// # Errors
/// [`Error::NoSuch`] where no Kubo repository is, [`Error::InvalidInput`] where its file is none of Kubo's,
/// [`Error::Unreadable`] when the system does not give it.
pub(crate) fn kubo_services(disk: &dyn Disk, path: &Path) -> Result<Vec<KuboService>, Error> {
    let (repository, file) = locate(disk, path)?;
    let text = read(disk, &file)?;
    let config: WireConfig = parse(&file, &text)?;
    let services = config.pinning.remote_services.into_iter().map(|(name, service)| remote(name, service));
    let node = node(disk, &repository, &config.api, &config.addresses);
    Ok(node.into_iter().chain(services).collect())
}

/// The repository's directory and the file of its configuration.
fn locate(disk: &dyn Disk, path: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => no_repository(path),
        _ => Error::Unreadable { path: path.into(), source },
    };
    let path = disk.canonicalize(path).map_err(failed)?;
    match disk.stat(&path).map_err(failed)?.kind {
        EntryKind::Directory => {
            let file = disk.canonicalize(&path.join("config")).map_err(failed)?;
            Ok((path, file))
        }
        _ => Ok((path.parent().unwrap_or(&path).into(), path)),
    }
}

fn no_repository(path: &Path) -> Error {
    Error::NoSuch { what: "Kubo repository", id: path.display().to_string() }
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.into(), source };
    let opened = disk.open(path).map_err(unreadable)?;
    let mut text = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match opened.file.read_at(text.len() as u64, &mut buffer).map_err(unreadable)? {
            0 => return Ok(text),
            count => text.extend_from_slice(&buffer[..count]),
        }
        if text.len() > MAX_CONFIG_BYTES {
            return Err(Error::InvalidInput(format!("{} is too long for a Kubo configuration.", path.display())));
        }
    }
}

fn parse<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, Error> {
    // The parser's own words may repeat what it stumbled over, which may be a key.
    serde_json::from_slice(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::InvalidInput(format!("{} is no Kubo configuration ({place}).", path.display()))
    })
}

fn remote(name: String, service: WireService) -> KuboService {
    let credentials = match service.api.key {
        Some(Secret(key)) => Credentials::token(&key),
        None => Err("Its key is missing.".into()),
    };
    KuboService { name, kind: ProviderKind::Psa, endpoint: service.api.endpoint, gateway: None, credentials }
}

/// The node's RPC API, where it listens on TCP. A daemon writes the addresses that it got beside its configuration, which
/// may leave the choice of the port to the system.
fn node(disk: &dyn Disk, repository: &Path, api: &WireApi, addresses: &WireAddresses) -> Option<KuboService> {
    let written = |name: &str| {
        let text = read(disk, &repository.join(name)).ok()?;
        Some(String::from_utf8(text).ok()?.trim().to_owned())
    };
    let endpoint = addresses.api.iter().find_map(|text| http_url(text));
    let endpoint = endpoint.or_else(|| http_url(&written("api")?))?;
    let gateway = addresses.gateway.iter().find_map(|text| http_url(text));
    let gateway = gateway.or_else(|| written("gateway"));
    let gateway = gateway.filter(|text| parse_base_url("gateway", text, PlainHttp::Refused).is_ok());
    let credentials = credentials(&api.authorizations);
    Some(KuboService { name: NODE_NAME.into(), kind: ProviderKind::Kubo, endpoint, gateway, credentials })
}

/// The first of the node's users who may do everything.
fn credentials(users: &BTreeMap<String, WireUser>) -> Result<Credentials, String> {
    if users.is_empty() {
        return Ok(Credentials::None);
    }
    let may_all = |user: &&WireUser| user.allowed_paths.iter().any(|path| RPC_PATH.starts_with(path.as_str()));
    let secret = users.values().filter(may_all).find_map(|user| user.auth_secret.as_ref());
    let Some(Secret(secret)) = secret else {
        return Err("None of the users in API.Authorizations may use all of /api/v0.".into());
    };
    // As Kubo reads them: a text without a colon is a token.
    match secret.expose_secret().split_once(':') {
        None => Credentials::token(secret),
        Some(("bearer", token)) => Credentials::token(&token.into()),
        Some(("basic", login)) => login_of(login),
        Some(_) => Err("The form of the AuthSecret in API.Authorizations is not known.".into()),
    }
}

/// `user:password`, or the Base64 of that.
fn login_of(text: &str) -> Result<Credentials, String> {
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).map(SecretString::from);
    let login = if text.contains(':') { Some(text) } else { decoded.as_ref().map(ExposeSecret::expose_secret) };
    let Some((user, password)) = login.and_then(|login| login.split_once(':')) else {
        return Err("The AuthSecret in API.Authorizations has no user name and password.".into());
    };
    Credentials::login(user, &password.into())
}

/// The URL of a multiaddr at which HTTP is spoken. `None` for sockets and for ports that are not known yet.
fn http_url(multiaddr: &str) -> Option<String> {
    let mut parts = multiaddr.strip_prefix('/')?.split('/');
    let host = match (parts.next()?, parts.next()?) {
        // Listening everywhere is listening here.
        ("ip4", "0.0.0.0") => "127.0.0.1".into(),
        ("ip6", "::") => "[::1]".into(),
        ("ip6", address) => format!("[{address}]"),
        ("ip4" | "dns" | "dns4" | "dns6", host) => host.to_owned(),
        _ => return None,
    };
    let ("tcp", port) = (parts.next()?, parts.next()?.parse::<u16>().ok().filter(|port| *port != 0)?) else {
        return None;
    };
    let scheme = match parts.collect::<Vec<_>>().as_slice() {
        [] | ["http"] => "http",
        ["https"] | ["tls", "http"] => "https",
        _ => return None,
    };
    Some(format!("{scheme}://{host}:{port}"))
}

/// A text that nothing prints.
struct Secret(SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// Kubo's configuration, as far as it is of use here (docs/config.md of Kubo).
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireConfig {
    #[serde(rename = "API", deserialize_with = "or_default")]
    api: WireApi,
    #[serde(deserialize_with = "or_default")]
    addresses: WireAddresses,
    #[serde(deserialize_with = "or_default")]
    pinning: WirePinning,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireApi {
    #[serde(deserialize_with = "or_default")]
    authorizations: BTreeMap<String, WireUser>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireUser {
    auth_secret: Option<Secret>,
    #[serde(deserialize_with = "or_default")]
    allowed_paths: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireAddresses {
    #[serde(rename = "API", deserialize_with = "one_or_many")]
    api: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    gateway: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WirePinning {
    #[serde(deserialize_with = "or_default")]
    remote_services: BTreeMap<String, WireService>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireService {
    #[serde(rename = "API", deserialize_with = "or_default")]
    api: WireServiceApi,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireServiceApi {
    #[serde(deserialize_with = "or_default")]
    endpoint: String,
    key: Option<Secret>,
}

/// Kubo writes `null` for what is empty.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Kubo takes one text for a list of one.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::deserialize(deserializer)? {
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
        None => vec![],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_multiaddrs_that_speak_http_at_a_known_port_are_urls() {
        for (multiaddr, url) in [
            ("/ip4/127.0.0.1/tcp/5001", Some("http://127.0.0.1:5001")),
            ("/ip4/0.0.0.0/tcp/8080", Some("http://127.0.0.1:8080")),
            ("/ip6/::1/tcp/5001/http", Some("http://[::1]:5001")),
            ("/dns4/node.example/tcp/443/https", Some("https://node.example:443")),
            ("/dns/node.example/tcp/443/tls/http", Some("https://node.example:443")),
            ("/ip4/127.0.0.1/tcp/0", None),
            ("/ip4/127.0.0.1/udp/5001", None),
            ("/unix/run/kubo.sock", None),
            ("/ip4/127.0.0.1", None),
            ("127.0.0.1:5001", None),
            ("", None),
        ] {
            assert_eq!(http_url(multiaddr).as_deref(), url, "{multiaddr:?}");
        }
    }

    #[test]
    fn every_form_of_secret_that_kubo_takes_is_read() {
        let read = |secret: &str, path: &str| {
            let user = WireUser { auth_secret: Some(Secret(secret.into())), allowed_paths: vec![path.into()] };
            credentials(&BTreeMap::from([("user".into(), user)]))
        };
        let token = |credentials| match credentials {
            Ok(Credentials::Token(token)) => token.expose_secret().to_owned(),
            other => panic!("{other:?}"),
        };
        let login = |credentials| match credentials {
            Ok(Credentials::Login { user, password }) => {
                format!("{} {}", user.expose_secret(), password.expose_secret())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(token(read("bearer:canary", "/api/v0")), "canary");
        assert_eq!(token(read("canary", "/")), "canary");
        assert_eq!(login(read("basic:ann:pass word", "/api/v0")), "ann pass word");
        assert_eq!(login(read("basic:YW5uOnBhc3M=", "/api/v0")), "ann pass");
        assert!(read("digest:canary", "/api/v0").is_err_and(|problem| !problem.contains("canary")));
        assert!(read("basic:canary", "/api/v0").is_err_and(|problem| !problem.contains("canary")));
        assert!(read("bearer:canary", "/api/v0/id").is_err());
        assert!(matches!(credentials(&BTreeMap::new()), Ok(Credentials::None)));
    }
}

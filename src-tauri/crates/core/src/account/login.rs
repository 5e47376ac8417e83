//! Whether two accounts are one login at one service, seen through two of its interfaces or by two keys: what one of them has
//! pinned is then no copy of what the other has.

use url::Url;

use super::{Account, ProviderKind};
use crate::provider::http::is_this_computer;

/// Hosts of one service: the service was renamed, and all of them lead to the same pins
/// (<https://w3ipfs.aioz.network/docs>).
const AIOZ: [&str; 3] = ["api.aiozpin.network", "api.w3ipfs.storage", "api.w3ipfs.aioz.network"];

/// Below this a service has the Pinning Service API, where it has another beside it.
const PSA: &str = "/psa";

/// Whether two accounts are one login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SameLogin {
    /// They are two.
    No,
    /// They are at one service, and it cannot be known.
    Perhaps,
    /// They are one.
    Yes,
}

/// What the lists of two accounts at one service show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lists {
    /// A pin of the same id, or of the same content made at the same moment, is in both.
    Share,
    /// None is.
    Differ,
}

/// Whether two accounts are at one service, so that their lists say more.
pub(crate) fn are_at_one_service(a: &Account, b: &Account) -> bool {
    host_of(&a.endpoint) == host_of(&b.endpoint) && family_of(&a.endpoint) == family_of(&b.endpoint)
}

/// What follows for two accounts at one service.
pub(crate) fn same_login(a: &Account, b: &Account, lists: Lists) -> SameLogin {
    // A node and a cluster have one list for everybody.
    if a.kind == b.kind && matches!(a.kind, ProviderKind::Kubo | ProviderKind::Cluster) {
        return SameLogin::Yes;
    }
    // Where ids are of one sort, two logins have none in common. Holdfast's own service has the same ids at both interfaces.
    let ids_decide = a.kind == b.kind || a.this_computer || b.this_computer;
    match lists {
        Lists::Share => SameLogin::Yes,
        Lists::Differ if ids_decide => SameLogin::No,
        Lists::Differ => SameLogin::Perhaps,
    }
}

fn host_of(endpoint: &Url) -> (Option<&str>, Option<u16>) {
    let host = match endpoint.host_str() {
        _ if is_this_computer(endpoint) => Some("localhost"),
        Some(host) if AIOZ.contains(&host) => Some(AIOZ[0]),
        host => host,
    };
    (host, endpoint.port_or_known_default())
}

fn family_of(endpoint: &Url) -> &str {
    let path = endpoint.path().trim_end_matches('/');
    path.strip_suffix(PSA).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::AccountId, vault::CredentialKind};

    fn account(kind: ProviderKind, endpoint: &str) -> Account {
        Account {
            id: AccountId(endpoint.into()),
            label: endpoint.into(),
            kind,
            endpoint: Url::parse(endpoint).unwrap(),
            gateway: None,
            credentials: CredentialKind::Token,
            this_computer: false,
            profile: None,
            card: None,
        }
    }

    #[test]
    fn a_service_is_known_by_host_and_path_whatever_the_interface() {
        let same =
            |a: &str, b: &str| are_at_one_service(&account(ProviderKind::Aioz, a), &account(ProviderKind::Psa, b));
        assert!(same("https://api.w3ipfs.storage/api", "https://api.w3ipfs.storage/api/psa"));
        assert!(same("https://api.aiozpin.network/api", "https://api.w3ipfs.aioz.network/api/psa"));
        assert!(same("http://127.0.0.1:8099/api", "http://localhost:8099/api/psa/"));
        assert!(!same("http://127.0.0.1:8099/api", "http://127.0.0.1:8098/api/psa"));
        assert!(!same("https://api.aiozpin.network/api", "https://api.pinata.cloud/psa"));
        assert!(!same("https://example.org/alice", "https://example.org/bob/psa"));
    }

    #[test]
    fn lists_say_whether_it_is_one_login_and_where_they_cannot_it_is_perhaps_one() {
        use ProviderKind::{Aioz, Kubo, Psa};
        let verdict = |a, b, lists| {
            let here = "http://127.0.0.1:8099/api";
            same_login(&account(a, here), &account(b, here), lists)
        };
        assert_eq!(verdict(Aioz, Psa, Lists::Share), SameLogin::Yes);
        assert_eq!(verdict(Aioz, Aioz, Lists::Share), SameLogin::Yes);
        assert_eq!(verdict(Aioz, Psa, Lists::Differ), SameLogin::Perhaps);
        assert_eq!(verdict(Psa, Psa, Lists::Differ), SameLogin::No);
        assert_eq!(verdict(Kubo, Kubo, Lists::Differ), SameLogin::Yes);
        let own = Account { this_computer: true, ..account(Aioz, "http://127.0.0.1:8099/api") };
        let by_token = account(Psa, "http://127.0.0.1:8099/api/psa");
        assert_eq!(same_login(&own, &by_token, Lists::Differ), SameLogin::No);
    }
}

//! Services that people need not type, and what to know about them.

use url::Url;

use super::ProviderKind;
use crate::vault::CredentialKind;

/// A known service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What it is called.
    pub name: &'static str,
    /// The adapter for it.
    pub kind: ProviderKind,
    /// The API's base, without a slash at its end.
    pub endpoint: &'static str,
    /// The gateway's base, where one is known.
    pub gateway: Option<&'static str>,
    /// Whether it refuses files without content ("Cannot pin empty file").
    pub refuses_empty_files: bool,
    /// What the service calls its secret or token.
    pub secret_label: &'static str,
    /// Where that is found, and what the service can and cannot do.
    pub help: &'static str,
    /// The service's own words about it.
    pub help_url: Option<&'static str>,
}

/// The known services: those of the AIOZ Pin API, the current host first; those of the Pinning Service API; what people run
/// themselves.
pub const PRESETS: [Preset; 11] = [
    aioz("AIOZ Pin", "https://api.aiozpin.network/api", "https://premium.aiozpin.network"),
    aioz("W3IPFS (w3ipfs.storage)", "https://api.w3ipfs.storage/api", "https://premium.w3ipfs.storage"),
    aioz("W3IPFS (aioz.network)", "https://api.w3ipfs.aioz.network/api", "https://public.w3ipfs.aioz.network"),
    aioz("AIOZ Pin, development", "https://api-ipfs.attoaioz.cyou/api", "https://gateway-ipfs.attoaioz.cyou"),
    Preset {
        secret_label: "JWT",
        help: "Make an API key at Pinata and enter its JWT. This interface of Pinata's only pins by CID; files get there \
               through your own node. Its list may be asked for 30 times a minute.",
        help_url: Some("https://docs.pinata.cloud"),
        ..psa("Pinata", "https://api.pinata.cloud/psa")
    },
    Preset {
        secret_label: "Secret access token",
        help: "The token belongs to one of your buckets, and so do the pins that you see with it. This interface of \
               Filebase's only pins by CID; files get there through your own node.",
        help_url: Some("https://filebase.com/docs/legacy/ipfs/pinning-service-api"),
        ..psa("Filebase", "https://api.filebase.io/v1/ipfs")
    },
    Preset {
        secret_label: "Access token",
        help: "Enter the access token of your 4EVERLAND account. This interface of 4EVERLAND's only pins by CID; files get \
               there through your own node.",
        help_url: Some("https://docs.4everland.org/storage/4ever-pin/pinning-services-api"),
        ..psa("4EVERLAND", "https://api.4everland.dev")
    },
    aioz_psa("AIOZ Pin by token (w3ipfs.storage)", "https://api.w3ipfs.storage/api/psa"),
    aioz_psa("AIOZ Pin by token (aioz.network)", "https://api.w3ipfs.aioz.network/api/psa"),
    Preset {
        name: "Kubo",
        kind: ProviderKind::Kubo,
        endpoint: "http://127.0.0.1:5001",
        gateway: Some("http://127.0.0.1:8080"),
        refuses_empty_files: false,
        secret_label: "Password",
        help: "Your own Kubo node, by its RPC interface; ipfs daemon must be running. A node asks for nothing unless its \
               settings (API.Authorizations) name a user or a token.",
        help_url: Some("https://docs.ipfs.tech/reference/kubo/rpc/"),
    },
    Preset {
        name: "IPFS Cluster",
        kind: ProviderKind::Cluster,
        endpoint: "http://127.0.0.1:9094",
        gateway: None,
        refuses_empty_files: false,
        secret_label: "Password",
        help: "Your own IPFS Cluster, by its REST interface. A cluster asks for nothing unless its settings name users \
               and their passwords.",
        help_url: Some("https://ipfscluster.io/documentation/reference/api/"),
    },
];

impl Preset {
    /// The known service of that kind at that address.
    #[must_use]
    pub fn of(kind: ProviderKind, endpoint: &Url) -> Option<&'static Self> {
        let endpoint = endpoint.as_str().trim_end_matches('/');
        PRESETS.iter().find(|preset| preset.kind == kind && preset.endpoint == endpoint)
    }

    /// The known service of that name, whatever the letter case.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name.eq_ignore_ascii_case(name.trim()))
    }

    /// The forms of credentials that it takes, the usual one first.
    #[must_use]
    pub const fn credentials(&self) -> &'static [CredentialKind] {
        self.kind.credentials()
    }
}

const fn aioz(name: &'static str, endpoint: &'static str, gateway: &'static str) -> Preset {
    Preset {
        name,
        kind: ProviderKind::Aioz,
        endpoint,
        gateway: Some(gateway),
        refuses_empty_files: true,
        secret_label: "Secret key",
        help: "Make an API key on the service's website; it comes with a secret key, and both are needed. Takes files and \
               folders, but no files without content, and 180 requests a minute.",
        help_url: Some("https://aiozpin.network/docs/aioz-pin-api/pinning"),
    }
}

const fn psa(name: &'static str, endpoint: &'static str) -> Preset {
    Preset {
        name,
        kind: ProviderKind::Psa,
        endpoint,
        gateway: None,
        refuses_empty_files: false,
        secret_label: "Access token",
        help: "",
        help_url: None,
    }
}

const fn aioz_psa(name: &'static str, endpoint: &'static str) -> Preset {
    Preset {
        secret_label: "JWT",
        help: "The token that a login at the service gives (JWT). It expires, and must then be entered again. This \
               interface only pins by CID; the one with an API key takes files too.",
        help_url: Some("https://w3ipfs.aioz.network/docs/w3ipfs-api/pinning-services-api"),
        ..psa(name, endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{PlainHttp, parse_base_url};

    #[test]
    fn every_known_service_can_be_added_as_it_stands_and_says_what_it_wants() {
        for preset in &PRESETS {
            let endpoint = parse_base_url("endpoint", preset.endpoint, PlainHttp::Refused).unwrap();
            assert_eq!(Preset::of(preset.kind, &endpoint), Some(preset));
            assert_eq!(Preset::named(preset.name), Some(preset), "two services share a name");
            if let Some(gateway) = preset.gateway {
                parse_base_url("gateway", gateway, PlainHttp::Refused).unwrap();
            }
            if let Some(url) = preset.help_url {
                assert_eq!(Url::parse(url).unwrap().scheme(), "https");
            }
            assert!(preset.help.ends_with('.') && !preset.secret_label.is_empty(), "{}", preset.name);
        }
    }
}

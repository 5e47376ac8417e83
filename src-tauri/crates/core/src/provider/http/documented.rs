//! How many requests services say they take.

use std::time::Duration;

use reqwest::Method;
use url::Url;

use super::place::is_this_computer;

/// What a service says of one kind of request.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    /// That many requests …
    pub(super) requests: u32,
    /// … in this time.
    pub(super) per: Duration,
    /// Those whose path holds this.
    path: &'static str,
    /// Those with this method, where only some count.
    method: Option<Method>,
}

const MINUTE: Duration = Duration::from_secs(60);

const fn all(requests: u32, per: Duration) -> Limit {
    Limit { requests, per, path: "", method: None }
}

/// <https://w3ipfs.aioz.network/docs/limit>
const AIOZ: &[Limit] = &[
    Limit { requests: 60, per: MINUTE, path: "/apiKeys/", method: None },
    Limit { requests: 60, per: MINUTE, path: "/psa/pins", method: Some(Method::GET) },
    all(180, MINUTE),
];

/// <https://docs.pinata.cloud>: the smallest plan's 60 a minute, and 30 for the list of the Pinning Service API.
const PINATA: &[Limit] =
    &[Limit { requests: 30, per: MINUTE, path: "/psa/pins", method: Some(Method::GET) }, all(60, MINUTE)];

/// <https://filebase.com/docs/legacy/ipfs/pinning-service-api>
const FILEBASE: &[Limit] = &[all(100, Duration::from_secs(1))];

/// Hosts and what is known of them, the narrowest limit first.
const HOSTS: [(&str, &[Limit]); 6] = [
    ("api.aiozpin.network", AIOZ),
    ("api.w3ipfs.storage", AIOZ),
    ("api.w3ipfs.aioz.network", AIOZ),
    ("api-ipfs.attoaioz.cyou", AIOZ),
    ("api.pinata.cloud", PINATA),
    ("api.filebase.io", FILEBASE),
];

/// The limits of the service at `base`; none where none are known.
pub(crate) fn limits_of(base: &Url) -> &'static [Limit] {
    if is_this_computer(base) {
        return &[];
    }
    let host = base.host_str().unwrap_or_default();
    HOSTS.into_iter().find(|(name, _)| *name == host).map_or(&[], |(_, limits)| limits)
}

impl Limit {
    /// Whether a request counts.
    pub(super) fn covers(&self, method: &Method, path: &str) -> bool {
        path.contains(self.path) && self.method.as_ref().is_none_or(|counted| counted == method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests_of(base: &str, method: Method, path: &str) -> Vec<u32> {
        let limits = limits_of(&Url::parse(base).unwrap()).iter();
        limits.filter(|limit| limit.covers(&method, path)).map(|limit| limit.requests).collect()
    }

    #[test]
    fn a_request_counts_where_its_service_says_so() {
        let aioz = "https://api.aiozpin.network/api";
        assert_eq!(requests_of(aioz, Method::GET, "/api/pinning/pins/"), [180]);
        assert_eq!(requests_of(aioz, Method::GET, "/api/apiKeys/testAuthentication/"), [60, 180]);
        assert_eq!(requests_of("https://api.w3ipfs.storage/api/psa", Method::GET, "/api/psa/pins"), [60, 180]);
        let pinata = "https://api.pinata.cloud/psa";
        assert_eq!(requests_of(pinata, Method::GET, "/psa/pins"), [30, 60]);
        assert_eq!(requests_of(pinata, Method::POST, "/psa/pins"), [60]);
        assert_eq!(requests_of("https://api.filebase.io/v1/ipfs", Method::GET, "/v1/ipfs/pins"), [100]);
        for unlimited in ["http://127.0.0.1:5001/api", "https://pins.example.com/api", "https://x.api.pinata.cloud/psa"]
        {
            assert!(requests_of(unlimited, Method::GET, "/psa/pins").is_empty(), "{unlimited}");
        }
    }
}

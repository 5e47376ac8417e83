//! What a client asks to be pinned.

use std::collections::BTreeMap;

use holdfast_content::Cid;
use multiaddr::{Multiaddr, Protocol};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    http::{
        errors::ApiError,
        ids::parse_cid,
        metadata::{check_chars, check_size},
    },
    store::pin::Metadata,
};

const MAX_ORIGINS: usize = 20;
const MAX_META_PAIRS: usize = 1000;

/// In bytes of JSON.
const MAX_META_BYTES: usize = 32 * 1024;

/// No multiaddr with a name of DNS and a few peer ids is longer.
const MAX_ORIGIN_BYTES: usize = 1024;

/// The body of a request, as it comes.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Pin)]
pub(crate) struct GivenPin {
    cid: String,
    #[schema(max_length = 255)]
    name: Option<String>,
    #[schema(max_items = 20)]
    origins: Option<Vec<String>>,
    meta: Option<BTreeMap<String, String>>,
}

/// The same, read.
#[derive(Debug)]
pub(super) struct RequestedPin {
    pub(super) root: Cid,
    pub(super) cid_text: String,
    pub(super) metadata: Metadata,
    pub(super) origins: Vec<String>,
}

impl GivenPin {
    pub(super) fn checked(self) -> Result<RequestedPin, ApiError> {
        let root = parse_cid(&self.cid)?;
        let name = self.name.unwrap_or_default();
        check_chars("name", &name)?;
        let mut origins = self.origins.unwrap_or_default();
        if origins.len() > MAX_ORIGINS {
            return Err(ApiError::bad_request("there are more than 20 origins"));
        }
        if origins.iter().any(|origin| origin.len() > MAX_ORIGIN_BYTES) {
            return Err(ApiError::bad_request("an origin is longer than 1024 bytes"));
        }
        if let Some(bad) = origins.iter().find(|origin| !is_origin(origin)) {
            let message =
                format!("the origin {bad:?} is no multiaddr that ends with /p2p/ and a peer id or leads to HTTP");
            return Err(ApiError::bad_request(message));
        }
        let mut seen = std::collections::HashSet::new();
        origins.retain(|origin| seen.insert(origin.clone()));
        let meta = self.meta.unwrap_or_default();
        if meta.len() > MAX_META_PAIRS {
            return Err(ApiError::bad_request("meta has more than 1000 pairs"));
        }
        let keyvalues: serde_json::Map<_, _> = meta.into_iter().map(|(key, value)| (key, Value::from(value))).collect();
        check_size("meta", &keyvalues, MAX_META_BYTES)?;
        let keyvalues = (!keyvalues.is_empty()).then_some(keyvalues);
        Ok(RequestedPin { root, cid_text: self.cid, metadata: Metadata { name, mime_type: None, keyvalues }, origins })
    }
}

/// A libp2p peer, or a gateway over HTTP, which needs no peer id.
fn is_origin(text: &str) -> bool {
    let Ok(address) = text.parse::<Multiaddr>() else {
        return false;
    };
    let is_http = |protocol: Protocol<'_>| matches!(protocol, Protocol::Http | Protocol::Https);
    matches!(address.iter().last(), Some(Protocol::P2p(_))) || address.iter().any(is_http)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_peers_or_web_servers() {
        let peer = "12D3KooWGPFPvuWGeqDCg6MHKPsVYFEM8wPTHAzwDN5ehT8fLiUR";
        for good in [
            format!("/ip4/203.0.113.142/tcp/4001/p2p/{peer}"),
            format!("/dns4/a.example/udp/4001/quic-v1/p2p/{peer}"),
            format!("/ip4/203.0.113.1/tcp/4001/p2p/{peer}/p2p-circuit/p2p/{peer}"),
            format!("/p2p/{peer}"),
            format!("/ip4/203.0.113.142/tcp/4001/ipfs/{peer}"),
            "/dns4/gateway.example/tcp/443/https".into(),
            "/ip4/127.0.0.1/tcp/8080/http".into(),
        ] {
            assert!(is_origin(&good), "{good}");
        }
        for bad in ["", "/", "a", "http://a.example", "/ip4/203.0.113.142/tcp/4001", "/ip4/1.2.3/p2p/x", "/p2p/x"] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}

//! What the adapters for nodes have in common: CIDs as ids, how content is added, errors that are only words, and the
//! addresses of nodes.

use std::net::{Ipv4Addr, Ipv6Addr};

use holdfast_content::{Cid, cid_v0, cid_v1};
use reqwest::RequestBuilder;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    ProviderError,
    http::Http,
    multipart::{self, Form},
    ndjson::Lines,
};
use crate::{content::UploadBody, ids::PinId};

/// Words about what was asked for, which will be said again however often it is asked.
const REFUSALS: [&str; 4] = ["invalid path", "invalid cid", "pin name is", "only CAR files with a single root"];

/// Words about content that the node does not have and gets from nobody.
const NOT_TO_BE_HAD: [&str; 3] = ["block was not found locally", "ipld: could not find", "merkledag: not found"];

/// What a node says of an archive that is cut short.
const CUT_SHORT: &str = "unexpected EOF";

/// The CID that a pin's id is, at services whose pins have no other.
pub(super) fn cid_of(id: &PinId) -> Result<Cid, ProviderError> {
    Cid::try_from(id.0.as_str()).map_err(|_| ProviderError::NotFound { message: None })
}

/// The ids under which a node may have pinned the content of `cids`: it tells CIDs of version 0 and 1 apart.
pub(super) fn ids_of(cids: &[Cid]) -> Vec<String> {
    let mut ids = Vec::new();
    for cid in cids {
        for id in [Some(cid.to_string()), cid_v0(cid), Some(cid_v1(cid))].into_iter().flatten() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

/// Something that was added.
#[derive(Deserialize)]
pub(super) struct WireAdded {
    #[serde(alias = "Name", default)]
    name: String,
    #[serde(alias = "Hash")]
    pub(super) cid: Option<String>,
}

/// Sends a file or directory as nodes read it, and gives the CID of its root.
pub(super) async fn add(
    http: &Http,
    request: RequestBuilder,
    boundary: &str,
    body: UploadBody,
) -> Result<String, ProviderError> {
    let root = body.parts().next().and_then(|part| Some(part.path.split('/').next()?.to_owned())).unwrap_or_default();
    let form = multipart::percent_encoded_form(boundary, body);
    let cid_in = |line: WireAdded| Ok(line.cid.filter(|_| line.name == root));
    send(http, request, form, cid_in).await
}

/// Sends a form and gives the last CID that `cid_in` finds in a line of the answer.
pub(super) async fn send<T: DeserializeOwned>(
    http: &Http,
    request: RequestBuilder,
    form: Form,
    cid_in: impl Fn(T) -> Result<Option<String>, ProviderError>,
) -> Result<String, ProviderError> {
    let (request, sending) = form.of(request);
    let mut lines = Lines::ask(http, request, Some(sending)).await?;
    let mut cid = None;
    while let Some(line) = lines.next::<T>().await? {
        cid = cid_in(line?)?.or(cid);
    }
    cid.ok_or_else(ended_early)
}

/// What a node's words mean: its errors have one status and differ only in them.
pub(super) fn of_message(message: String) -> ProviderError {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["is not pinned", "not pinned or pinned indirectly"]) {
        ProviderError::NotFound { message: Some(message) }
    } else if says(&["no space left on device", "disk quota exceeded", "maximum storage limit exceeded"]) {
        ProviderError::OverQuota { message: Some(message) }
    } else if says(&NOT_TO_BE_HAD) {
        ProviderError::ContentNotFound { message }
    } else if says(&REFUSALS) {
        ProviderError::Refused { status: 500, message }
    } else {
        ProviderError::Unavailable { status: 500, after: None, message: Some(message) }
    }
}

/// What an error means after an archive was sent: after anything else the same words are about a connection that broke.
pub(super) fn of_archive(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Unavailable { status, message: Some(message), .. } if message.contains(CUT_SHORT) => {
            ProviderError::Refused { status, message }
        }
        error => error,
    }
}

/// An answer that came to its end without what it was to say.
pub(super) fn ended_early() -> ProviderError {
    ProviderError::Network { reason: "the answer ended before it said what was pinned".into() }
}

/// The addresses that name their peer, those first that lead to it from anywhere.
pub(super) fn reachable_first(mut addresses: Vec<String>) -> Vec<String> {
    addresses.retain(|address| address.contains("/p2p/"));
    addresses.sort_by_key(|address| !is_public(address));
    addresses.dedup();
    addresses
}

fn is_public(multiaddr: &str) -> bool {
    let mut parts = multiaddr.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("ip4"), Some(text)) => text.parse::<Ipv4Addr>().is_ok_and(|address| {
            !(address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified())
        }),
        (Some("ip6"), Some(text)) => text.parse::<Ipv6Addr>().is_ok_and(|address| {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local())
        }),
        (Some("dns" | "dns4" | "dns6" | "dnsaddr"), Some(name)) => name != "localhost" && !name.ends_with(".localhost"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_lead_from_anywhere_come_first_and_all_that_name_their_peer_stay() {
        let texts = [
            "/ip4/127.0.0.1/tcp/4001/p2p/P",
            "/ip4/192.168.1.2/tcp/4001/p2p/P",
            "/ip4/203.0.113.1/tcp/4001",
            "/ip4/203.0.113.1/tcp/4001/p2p/P",
            "/ip6/fe80::1/tcp/4001/p2p/P",
            "/ip6/2001:db8::1/udp/4001/quic-v1/p2p/P",
            "/dns4/node.example/tcp/4001/p2p/P",
        ];
        let ordered = reachable_first(texts.map(str::to_owned).to_vec());
        assert_eq!(ordered, [texts[3], texts[5], texts[6], texts[0], texts[1], texts[4]]);
    }

    #[test]
    fn only_what_can_be_a_cidv0_has_two_versions() {
        let (v0, v1) = (
            "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
            "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
        );
        let raw = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        let ids = |cids: &[&str]| ids_of(&cids.iter().map(|text| Cid::try_from(*text).unwrap()).collect::<Vec<_>>());
        assert_eq!(ids(&[v0]), [v0, v1]);
        assert_eq!(ids(&[v1, v0, raw]), [v1, v0, raw]);
    }
}

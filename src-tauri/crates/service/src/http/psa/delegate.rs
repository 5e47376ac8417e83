//! The address that clients are told to send content to.

use std::net::SocketAddr;

use cid::multihash::Multihash;
use holdfast_content::HASH_SHA2_256;
use multiaddr::{Multiaddr, PeerId, Protocol};

use crate::http::{AllowedHosts, Scheme};

/// This service's gateway as a multiaddr, of its name for others where it has one. The API wants a peer id in it, and
/// clients fail without; this service takes no libp2p connections, so its peer id is a random hash that stays the same.
pub(crate) fn delegate(hosts: &AllowedHosts, address: SocketAddr, peer_digest: &[u8; 32]) -> String {
    let host = match hosts.names.first() {
        Some(name) => Multiaddr::empty().with(Protocol::Dns(name.as_str().into())),
        None => address.ip().into(),
    };
    let scheme = match hosts.scheme {
        Scheme::Http => Protocol::Http,
        Scheme::Https => Protocol::Https,
    };
    let mut delegate = host.with(Protocol::Tcp(address.port())).with(scheme);
    // A digest of that length always is a peer id.
    if let Some(peer) =
        Multihash::wrap(HASH_SHA2_256, peer_digest).ok().and_then(|hash| PeerId::from_multihash(hash).ok())
    {
        delegate.push(Protocol::P2p(peer));
    }
    delegate.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delegate_ends_with_a_peer_id() {
        let listen = [127, 0, 0, 1].into();
        let near = AllowedHosts { scheme: Scheme::Http, listen, names: Vec::new() };
        let address = SocketAddr::new(listen, 80);
        let shown = delegate(&near, address, &[7; 32]);
        assert!(shown.starts_with("/ip4/127.0.0.1/tcp/80/http/p2p/Qm"), "{shown}");
        let public = AllowedHosts { scheme: Scheme::Https, names: vec!["pins.example".into()], ..near };
        let shown = delegate(&public, address, &[7; 32]);
        assert!(shown.starts_with("/dns/pins.example/tcp/80/https/p2p/Qm"), "{shown}");
    }
}

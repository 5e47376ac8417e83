//! The address that clients are told to send content to.

use std::net::SocketAddr;

use cid::multihash::Multihash;
use multiaddr::{Multiaddr, PeerId, Protocol};

const HASH_SHA2_256: u64 = 0x12;

/// This service's gateway as a multiaddr. The API wants a peer id in it, and clients fail without; this service takes no
/// libp2p connections, so its peer id is a random hash that stays the same.
pub(crate) fn delegate(address: SocketAddr, peer_digest: &[u8; 32]) -> String {
    let mut delegate = Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port())).with(Protocol::Http);
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
        let delegate = delegate(([127, 0, 0, 1], 80).into(), &[7; 32]);
        assert!(delegate.starts_with("/ip4/127.0.0.1/tcp/80/http/p2p/Qm"), "{delegate}");
    }
}

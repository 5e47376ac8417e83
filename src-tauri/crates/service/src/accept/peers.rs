//! How many connections each other computer has.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::http::Peer;

/// The connections of other computers. Those of this one are not counted: a proxy's are everybody's.
#[derive(Debug, Default)]
pub(super) struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Share(Option<(Arc<Peers>, IpAddr)>);

impl Peers {
    /// `None` if the peer has `limit` connections already.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr, limit: usize) -> Option<Share> {
        if peer.to_canonical().is_loopback() {
            return Some(Share(None));
        }
        let peer = Peer(peer).subscriber();
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = peers.entry(peer).or_default();
        if *connections >= limit {
            return None;
        }
        *connections += 1;
        Some(Share(Some((Arc::clone(self), peer))))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some((peers, peer)) = self.0.take() else { return };
        let mut peers = peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = peers.get_mut(&peer) {
            *connections -= 1;
            if *connections == 0 {
                peers.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_so_many_connections_and_no_more() {
        let peers = Arc::<Peers>::default();
        let enter = |peer: &str| peers.enter(peer.parse().unwrap(), 2);
        let first = enter("192.0.2.1").unwrap();
        let _second = enter("::ffff:192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        let _other = enter("192.0.2.2").unwrap();
        drop(first);
        assert!(enter("192.0.2.1").is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer_and_this_computer_is_none() {
        let peers = Arc::<Peers>::default();
        let _first = peers.enter("2001:db8::1".parse().unwrap(), 1).unwrap();
        assert!(peers.enter("2001:db8::2".parse().unwrap(), 1).is_none());
        assert!(peers.enter("2001:db8:0:1::1".parse().unwrap(), 1).is_some());
        let near: Vec<_> = (0..9).map(|_| peers.enter("127.0.0.1".parse().unwrap(), 1)).collect();
        assert!(near.iter().all(Option::is_some));
        drop((_first, near));
        assert!(peers.0.lock().unwrap().is_empty());
    }
}

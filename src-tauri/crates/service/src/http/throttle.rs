//! Slows down who tries keys.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are remembered at one time. When there are more, all are forgotten: then somebody has so many
/// addresses that counting by address is no hindrance to them.
const MAX_PEERS: usize = 65_536;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// What one subscriber has: an IPv4 address, or an IPv6 network.
    fn subscriber(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
            ip => ip,
        }
    }
}

/// How often each peer came with a wrong key within the last minute.
#[derive(Debug)]
pub(crate) struct Failures {
    per_minute: u32,
    by_peer: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Debug)]
struct Count {
    since: Instant,
    failures: u32,
}

impl Failures {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, by_peer: Mutex::default() }
    }

    /// Counts a wrong key.
    ///
    /// # Errors
    /// How long to wait, if there were too many.
    pub(crate) fn note(&self, peer: Peer) -> Result<(), Duration> {
        self.note_at(peer, Instant::now())
    }

    fn note_at(&self, peer: Peer, now: Instant) -> Result<(), Duration> {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if by_peer.len() >= MAX_PEERS {
            by_peer.retain(|_, count| now.duration_since(count.since) < WINDOW);
            if by_peer.len() >= MAX_PEERS {
                by_peer.clear();
            }
        }
        let count = by_peer.entry(peer.subscriber()).or_insert(Count { since: now, failures: 0 });
        let age = now.duration_since(count.since);
        if age >= WINDOW {
            *count = Count { since: now, failures: 0 };
        }
        count.failures = count.failures.saturating_add(1);
        if count.failures > self.per_minute {
            Err(WINDOW.saturating_sub(age).max(Duration::from_secs(1)))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_has_so_many_failures_a_minute() {
        let failures = Failures::new(2);
        let (a, b) = (Peer([192, 0, 2, 1].into()), Peer([192, 0, 2, 2].into()));
        let start = Instant::now();
        assert!(failures.note_at(a, start).is_ok() && failures.note_at(a, start).is_ok());
        let later = start + Duration::from_secs(20);
        assert_eq!(failures.note_at(a, later), Err(Duration::from_secs(40)));
        assert!(failures.note_at(b, later).is_ok());
        assert!(failures.note_at(a, start + WINDOW).is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let failures = Failures::new(1);
        let peer = |text: &str| Peer(text.parse().unwrap());
        assert!(failures.note(peer("2001:db8::1")).is_ok());
        assert!(failures.note(peer("2001:db8::2")).is_err());
        assert!(failures.note(peer("2001:db8:0:1::1")).is_ok());
    }
}

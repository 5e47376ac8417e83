//! Where content is said to be: HTTP origins given as multiaddrs, and the addresses that they may not lead to.
//!
//! Whoever has a key can name origins, and the service would ask them from its own place in the network: a router's web
//! page, a database on loopback, a cloud's metadata service. So names are resolved here, and only addresses of the public
//! internet are connected to, whatever a name or a redirect says. The service's own gateways, which its owner configures,
//! may be anywhere, but may lead to public addresses only; origins may be anywhere if its owner says so.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use multiaddr::{Multiaddr, Protocol};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// A host that speaks HTTP, as `http://host:port` or `https://host:port`.
///
/// `None` for a multiaddr that leads to something else: those are for libp2p, which this service does not speak. A peer id
/// at the end says nothing about HTTP and is passed over.
pub(crate) fn http_origin(text: &str) -> Option<Url> {
    let address: Multiaddr = text.parse().ok()?;
    let mut parts = address.iter().peekable();
    let host = match parts.next()? {
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => name.into_owned(),
        Protocol::Ip4(ip) => ip.to_string(),
        Protocol::Ip6(ip) => format!("[{ip}]"),
        _ => return None,
    };
    let Protocol::Tcp(port) = parts.next()? else { return None };
    let mut is_tls = false;
    while parts.next_if(|part| matches!(part, Protocol::Tls | Protocol::Sni(_))).is_some() {
        is_tls = true;
    }
    let scheme = match parts.next()? {
        Protocol::Http if is_tls => "https",
        Protocol::Http => "http",
        Protocol::Https => "https",
        _ => return None,
    };
    match (parts.next(), parts.next()) {
        (None | Some(Protocol::P2p(_)), None) => {}
        _ => return None,
    }
    let url = Url::parse(&format!("{scheme}://{host}:{port}")).ok()?;
    // A name with `/`, `?` or `@` in it would be more than a host.
    let is_host = url.path() == "/" && url.query().is_none() && url.username().is_empty() && url.fragment().is_none();
    is_host.then_some(url)
}

/// Whether a URL's host is an address that origins may not have. Names are seen by [`PublicOnly`].
pub(crate) fn names_private_address(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => !is_public(ip.into()),
        Some(Host::Ipv6(ip)) => !is_public(ip.into()),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => true,
    }
}

/// Whether an address is one of the public internet.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !is_special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Ways to write an IPv4 address: mapped, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, benchmarks and others of 2001::/23; documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // All that is given out for the public internet begins with 001.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Resolves names as the system does and drops what is not public.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

impl PublicOnly {
    pub(crate) fn shared() -> Arc<Self> {
        Arc::new(Self)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("its name leads to no address of the public internet")]
pub(crate) struct NotPublic;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_origins_are_read_in_all_their_forms() {
        for (text, url) in [
            ("/dns4/pins.example/tcp/443/https", "https://pins.example/"),
            ("/dns/pins.example/tcp/8443/tls/http", "https://pins.example:8443/"),
            ("/dns6/pins.example/tcp/443/tls/sni/pins.example/http", "https://pins.example/"),
            ("/ip4/203.0.113.9/tcp/8080/http", "http://203.0.113.9:8080/"),
            ("/ip6/2a00::1/tcp/80/http", "http://[2a00::1]/"),
            (
                "/dns/a.example/tcp/80/http/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
                "http://a.example/",
            ),
        ] {
            assert_eq!(http_origin(text).map(String::from).as_deref(), Some(url), "{text}");
        }
    }

    #[test]
    fn other_multiaddrs_and_other_texts_are_none() {
        for text in [
            "",
            "https://pins.example",
            "/ip4/203.0.113.9/tcp/4001/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
            "/ip4/203.0.113.9/udp/4001/quic-v1",
            "/dns4/a.example/tcp/443/tls/ws",
            "/dns4/a.example/https",
            "/dns4/user@a.example/tcp/80/http",
            "/unix/tmp/socket",
        ] {
            assert_eq!(http_origin(text), None, "{text}");
        }
    }

    #[test]
    fn private_addresses_are_seen_however_they_are_written() {
        for text in [
            "/ip4/127.0.0.1/tcp/80/http",
            "/ip4/10.1.2.3/tcp/80/http",
            "/ip4/172.16.0.1/tcp/80/http",
            "/ip4/192.168.1.1/tcp/80/http",
            "/ip4/169.254.169.254/tcp/80/http",
            "/ip4/100.64.0.1/tcp/80/http",
            "/ip4/0.0.0.0/tcp/80/http",
            "/ip4/255.255.255.255/tcp/80/http",
            "/ip6/::1/tcp/80/http",
            "/ip6/::/tcp/80/http",
            "/ip6/fe80::1/tcp/80/http",
            "/ip6/fd00::1/tcp/80/http",
            "/ip6/::ffff:127.0.0.1/tcp/80/http",
            "/ip6/64:ff9b::a00:1/tcp/80/http",
            "/ip6/2002:7f00:1::/tcp/80/http",
            "/dns4/127.0.0.1/tcp/80/http",
            "/dns4/0x7f.1/tcp/80/http",
            "/dns4/2130706433/tcp/80/http",
        ] {
            assert!(http_origin(text).is_none_or(|url| names_private_address(&url)), "{text}");
        }
        for text in ["/ip4/8.8.8.8/tcp/80/http", "/ip6/2606:4700::1111/tcp/80/http", "/dns/a.example/tcp/80/http"] {
            assert!(!names_private_address(&http_origin(text).unwrap()), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_loopback_is_not_followed() {
        assert!(PublicOnly.resolve("localhost".parse().unwrap()).await.is_err());
    }
}

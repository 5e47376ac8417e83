//! Where an address leads: to this computer, into the networks around it, or out.

use std::net::IpAddr;

use url::{Host, Url};

/// Last labels of names that only a local network knows (RFC 6761, RFC 6762 and its appendix G, RFC 8375, and ICANN's
/// `internal`).
const NEAR_ENDS: [&str; 10] =
    ["localhost", "local", "localdomain", "lan", "home", "home.arpa", "internal", "intranet", "private", "corp"];

/// Whether a URL leads to this computer itself, whatever a network says: `localhost`, which is never looked up here, and
/// loopback addresses. Other names below `localhost` are looked up by the system, and not everywhere found here.
pub(crate) fn is_this_computer(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        _ => ip_of(url).is_some_and(|address| address.is_loopback()),
    }
}

/// Whether a URL leads to this computer or into a network around it, as far as can be told without looking a name up.
pub(crate) fn is_near(url: &Url) -> bool {
    match (url.host(), ip_of(url)) {
        (Some(Host::Domain(name)), _) => {
            let name = name.trim_end_matches('.');
            let ends_with = |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.ends_with('.'));
            !name.contains('.') || NEAR_ENDS.iter().any(|end| ends_with(end))
        }
        (_, Some(address)) => is_near_address(address),
        _ => false,
    }
}

fn ip_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(IpAddr::from(address).to_canonical()),
        Host::Domain(_) => None,
    }
}

fn is_near_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // 100.64.0.0/10 is what carriers and private networks over the internet share (RFC 6598).
            let is_shared = matches!(address.octets(), [100, 64..=127, ..]);
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || is_shared
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn only_what_needs_no_looking_up_is_this_computer() {
        for text in
            ["http://localhost:1", "http://LOCALHOST", "http://127.0.0.1", "http://127.9.9.9", "http://[::1]:5001"]
        {
            assert!(is_this_computer(&url(text)), "{text}");
        }
        for text in ["http://2130706433", "http://0x7f.1", "http://[::ffff:127.0.0.1]"] {
            assert!(is_this_computer(&url(text)), "{text} is a loopback address in another spelling");
        }
        for text in [
            "http://x.localhost",
            "http://localhost.",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://0.0.0.0",
            "http://[::]",
            "http://192.168.1.5",
            "http://nas",
        ] {
            assert!(!is_this_computer(&url(text)), "{text}");
        }
    }

    #[test]
    fn addresses_and_names_of_local_networks_are_near() {
        for text in [
            "http://localhost",
            "http://a.localhost.",
            "http://127.1.2.3",
            "http://0.0.0.0",
            "http://10.0.0.1",
            "http://172.16.0.1",
            "http://172.31.255.255",
            "http://192.168.77.77:5001",
            "http://169.254.169.254",
            "http://100.64.0.1",
            "http://100.127.255.255",
            "http://[::1]",
            "http://[fe80::1]",
            "http://[fd00::1]",
            "http://[fc12::1]",
            "http://[::ffff:192.168.1.1]",
            "https://nas",
            "https://nas.",
            "https://nas.local",
            "https://pins.home.arpa",
            "https://pins.lan",
            "https://a.b.internal",
        ] {
            assert!(is_near(&url(text)), "{text}");
        }
        for text in [
            "https://example.com",
            "https://local.example",
            "https://notlocal.com",
            "https://x.notlan",
            "https://1.1.1.1",
            "https://172.32.0.1",
            "https://100.128.0.1",
            "https://[2606:4700::1111]",
            "https://home.arpa.example",
        ] {
            assert!(!is_near(&url(text)), "{text}");
        }
    }
}

//! Which names a request's `Host` may have.

use std::net::IpAddr;

/// Which names the service answers to.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    pub(crate) scheme: Scheme,
    pub(crate) listen: IpAddr,
    pub(crate) names: Vec<String>,
}

/// How clients reach the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    /// The service itself.
    Service,
    /// Content that has a host of its own: the label before `.ipfs.`.
    Content(&'a str),
}

impl AllowedHosts {
    pub(super) fn allow<'a>(&self, authority: &'a str) -> Option<Host<'a>> {
        let host = host_of(authority)?;
        // A name that an attacker's DNS points at us is what this is about; addresses are what they say.
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            let is_ours = address.is_loopback() || address == self.listen || self.listen.is_unspecified();
            return is_ours.then_some(Host::Service);
        }
        if self.is_ours(host) {
            return Some(Host::Service);
        }
        let (label, rest) = host.split_once('.')?;
        let (namespace, name) = rest.split_once('.')?;
        (namespace.eq_ignore_ascii_case("ipfs") && self.is_ours(name)).then_some(Host::Content(label))
    }

    /// Whether what that host answers is public: pages of other origins may then read what they can verify. On this
    /// computer's own addresses and names they would learn what a person holds.
    pub(crate) fn is_public(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return !address.to_canonical().is_loopback() && !self.listen.to_canonical().is_loopback();
        }
        let name = match host.split_once('.').and_then(|(_, rest)| rest.split_once('.')) {
            Some((namespace, name)) if namespace.eq_ignore_ascii_case("ipfs") && self.is_ours(name) => name,
            _ => host,
        };
        !name.eq_ignore_ascii_case("localhost") && self.is_ours(name)
    }

    fn is_ours(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case("localhost") || self.names.iter().any(|ours| ours.eq_ignore_ascii_case(name))
    }
}

/// `host` of `host:port` and `[host]:port`, brackets kept.
fn host_of(authority: &str) -> Option<&str> {
    let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[host_end..].find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(host_end + colon);
            port[1..].parse::<u16>().ok().map(|_| host)
        }
        None => Some(authority),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn allow(listen: [u8; 4], authority: &str) -> Option<Host<'_>> {
        let names = vec!["pins.example".into()];
        AllowedHosts { scheme: Scheme::Http, listen: Ipv4Addr::from(listen).into(), names }.allow(authority)
    }

    #[test]
    fn loopback_and_chosen_names_are_answered() {
        for host in ["localhost", "LocalHost:80", "127.0.0.1:5001", "127.9.9.9", "[::1]:8080", "pins.example:443"] {
            assert_eq!(allow([127, 0, 0, 1], host), Some(Host::Service), "{host}");
        }
        assert_eq!(allow([192, 168, 1, 2], "192.168.1.2:80"), Some(Host::Service));
        assert_eq!(allow([0, 0, 0, 0], "192.168.1.2:80"), Some(Host::Service));
    }

    #[test]
    fn what_this_computer_answers_itself_is_not_public() {
        let names = vec!["pins.example".into()];
        let on = |listen: [u8; 4]| AllowedHosts {
            scheme: Scheme::Http,
            listen: Ipv4Addr::from(listen).into(),
            names: names.clone(),
        };
        for host in ["pins.example", "pins.example:443", "label.ipfs.Pins.example"] {
            assert!(on([127, 0, 0, 1]).is_public(host), "{host}");
        }
        assert!(on([0, 0, 0, 0]).is_public("192.0.2.1:80") && on([192, 0, 2, 1]).is_public("192.0.2.1"));
        for host in
            ["localhost", "label.ipfs.localhost:80", "127.0.0.1:80", "[::1]", "[::ffff:127.0.0.1]", "", "x.example"]
        {
            assert!(!on([0, 0, 0, 0]).is_public(host), "{host}");
        }
        assert!(!on([127, 0, 0, 1]).is_public("192.0.2.1"));
    }

    #[test]
    fn hosts_below_ours_are_content() {
        for host in ["label.ipfs.localhost", "label.IPFS.localhost:8080", "label.ipfs.pins.example"] {
            assert_eq!(allow([127, 0, 0, 1], host), Some(Host::Content("label")), "{host}");
        }
    }

    #[test]
    fn other_names_and_addresses_are_not() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.2",
            "",
            "localhost:x",
            "label.ipfs.evil.example",
            "label.ipns.localhost",
            "a.label.ipfs.localhost",
            "ipfs.localhost",
            "label.ipfs.127.0.0.1",
        ] {
            assert_eq!(allow([127, 0, 0, 1], host), None, "{host:?}");
        }
        assert_eq!(allow([0, 0, 0, 0], "evil.example:80"), None);
    }
}

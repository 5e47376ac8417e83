//! Making clients: the one place that decides how they get to where an address leads.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use reqwest::{Client, ClientBuilder};
use url::Url;

use super::place::is_near;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection whose other end is gone shows that by itself after half a minute.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// What all clients have in common, for requests to `base`.
pub(crate) fn client_builder(base: &Url) -> ClientBuilder {
    install_crypto_provider();
    // Ports of the URL count, not these.
    let this_computer = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
    // The client library's own timeouts run while a body is sent, and would end every long upload.
    let builder = Client::builder()
        .user_agent(concat!("Holdfast/", env!("CARGO_PKG_VERSION")))
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(KEEPALIVE_AFTER)
        .tcp_keepalive_interval(KEEPALIVE_INTERVAL)
        .tcp_keepalive_retries(KEEPALIVE_RETRIES)
        .resolve_to_addrs("localhost", &this_computer);
    if may_use_proxy(base) { builder } else { builder.no_proxy() }
}

/// A proxy reads what is not encrypted, and has no business between this computer and the machines beside it. The rest goes
/// through it in a tunnel.
fn may_use_proxy(base: &Url) -> bool {
    base.scheme() == "https" && !is_near(base)
}

/// Makes ring the process's TLS provider, once.
fn install_crypto_provider() {
    // An error means that one is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_encrypted_and_far_away_may_go_by_way_of_a_proxy() {
        for (base, may) in [
            ("https://api.pinata.cloud/psa", true),
            ("http://api.pinata.cloud/psa", false),
            ("http://203.0.113.7:5001", false),
            ("https://192.168.1.5:5001", false),
            ("https://nas.local", false),
            ("http://127.0.0.1:1", false),
            ("https://localhost:1", false),
        ] {
            assert_eq!(may_use_proxy(&Url::parse(base).unwrap()), may, "{base}");
        }
    }
}

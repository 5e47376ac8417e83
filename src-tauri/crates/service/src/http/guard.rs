//! Keeps web pages out: a page in the user's browser can reach loopback, but it cannot choose its `Host` and `Origin`.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Shared, errors::ApiError};

/// Which names the service answers to.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    pub(crate) listen: IpAddr,
    pub(crate) names: Vec<String>,
}

impl AllowedHosts {
    fn allow(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else {
            return false;
        };
        // A name that an attacker's DNS points at us is what this is about; addresses are what they say.
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address == self.listen || self.listen.is_unspecified(),
            Err(_) => {
                host.eq_ignore_ascii_case("localhost") || self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
            }
        }
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

/// Refuses requests for other hosts, and requests of web pages to the API.
pub(crate) async fn refuse_foreign(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let refuse = |message| ApiError::new(StatusCode::FORBIDDEN, message).into_response();
    let Some(host) = only(request.headers(), header::HOST) else {
        return ApiError::bad_request("one Host header is needed").into_response();
    };
    if !shared.hosts.allow(host) {
        return refuse("this service does not answer to that host name");
    }
    let is_api = request.uri().path().starts_with("/api");
    if is_api && request.headers().contains_key(header::ORIGIN) {
        let own = only(request.headers(), header::ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
        if own != Some(host) {
            return refuse("this service does not answer web pages of another origin");
        }
    }
    next.run(request).await
}

fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn allow(listen: [u8; 4], authority: &str) -> bool {
        AllowedHosts { listen: Ipv4Addr::from(listen).into(), names: vec!["pins.example".into()] }.allow(authority)
    }

    #[test]
    fn loopback_and_chosen_names_are_answered() {
        for host in ["localhost", "LocalHost:80", "127.0.0.1:5001", "127.9.9.9", "[::1]:8080", "pins.example:443"] {
            assert!(allow([127, 0, 0, 1], host), "{host}");
        }
        assert!(allow([192, 168, 1, 2], "192.168.1.2:80"));
        assert!(allow([0, 0, 0, 0], "192.168.1.2:80"));
    }

    #[test]
    fn other_names_and_addresses_are_not() {
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.2", "", "localhost:x"]
        {
            assert!(!allow([127, 0, 0, 1], host), "{host:?}");
        }
        assert!(!allow([0, 0, 0, 0], "evil.example:80"));
    }
}

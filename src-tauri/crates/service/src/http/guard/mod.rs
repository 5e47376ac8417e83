//! Keeps web pages out: a page in the user's browser can reach loopback, but it cannot choose its `Host`, its `Origin` and
//! what its browser says of it.
//!
//! Hosts `{label}.ipfs.{name}` are the gateway's alone: nothing else is reached by them.
//!
//! On this computer's own addresses and names ([`AllowedHosts::is_public`] says which are not) no page may find out what is
//! held here. So there, before anything is looked up, requests of foreign pages are refused with one answer ([`pages`]),
//! and browsers that say nothing of where a request comes from are told to give the answer to no other origin
//! (`Cross-Origin-Resource-Policy`, `X-Frame-Options`).

mod cookies;
mod hosts;
mod pages;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hosts::Host;
pub(crate) use hosts::{AllowedHosts, Scheme};

use super::{Shared, errors::ApiError, gateway};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Refuses requests for other hosts, and requests of web pages that have no business here.
pub(crate) async fn refuse_foreign(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let cookies = cookies::take(request.headers_mut());
    let Some(host) = only(request.headers(), &header::HOST).map(str::to_owned) else {
        return ApiError::bad_request("one Host header is needed").into_response();
    };
    let is_public = shared.hosts.is_public(&host);
    let asked = checked(&shared.hosts, &host, is_public, &request);
    let is_content = matches!(asked, Ok(Host::Content(_)));
    let mut response = match asked {
        Ok(Host::Service) => next.run(request).await,
        Ok(Host::Content(label)) => gateway::serve_subdomain(&shared, label, request).await,
        Err(why) => refuse(why),
    };
    if is_content && !is_public && cookies.are_many() {
        cookies::clear(response.headers_mut());
    }
    if !is_public {
        let headers = response.headers_mut();
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        // What a cache kept for one kind of page is not for another.
        headers.append(header::VARY, HeaderValue::from_static("sec-fetch-site"));
    }
    response
}

/// What a request is for, or why it is refused.
fn checked<'a>(
    hosts: &AllowedHosts,
    host: &'a str,
    is_public: bool,
    request: &Request,
) -> Result<Host<'a>, &'static str> {
    let asked = hosts.allow(host).ok_or("this service does not answer to that host name")?;
    let own = format!("{}://{host}", hosts.scheme.word());
    let is_api = asked == Host::Service && request.uri().path().starts_with("/api");
    if (is_api || !is_public) && pages::names_foreign_origin(request.headers(), &own) {
        return Err("this service does not answer web pages of another origin");
    }
    // A host of content is one root.
    let is_of_other_root = || asked == Host::Service && pages::is_part_of_other_root(request, &own);
    if !is_public && (pages::is_of_foreign_page(request) || is_of_other_root()) {
        return Err("this service answers no web pages but its own; open the address itself to see what is there");
    }
    Ok(asked)
}

fn refuse(message: &'static str) -> Response {
    let mut response = ApiError::new(StatusCode::FORBIDDEN, message).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

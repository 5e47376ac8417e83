//! Redirects: followed where credentials stay at the origin they were made for, and nothing is done twice.

use reqwest::{Method, Request, Response, StatusCode, header::LOCATION};
use url::Url;

/// Routers answer the other form of a path (with or without a slash at its end) with one redirect.
pub(super) const MOST_REDIRECTS: usize = 3;

/// The same request once more, if it may be redirected at all.
pub(super) fn repeatable(request: &Request) -> Option<Request> {
    if request.method() == Method::GET && request.body().is_none() { request.try_clone() } else { None }
}

/// Where an answer leads to, if that is at the origin that was asked: same scheme, host and port (RFC 6454).
pub(super) fn target(asked: &Url, response: &Response) -> Option<Url> {
    let follows = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = response.headers().get(LOCATION).filter(|_| follows)?.to_str().ok()?;
    same_origin(asked, location)
}

fn same_origin(asked: &Url, location: &str) -> Option<Url> {
    let target = asked.join(location).ok()?;
    let is_plain = target.username().is_empty() && target.password().is_none();
    (is_plain && target.origin() == asked.origin()).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_origin_that_was_asked_is_asked_again() {
        let asked = Url::parse("https://example.com/api/pins?a=1").unwrap();
        for (location, leads_to) in [
            ("/api/pins/?a=1", Some("https://example.com/api/pins/?a=1")),
            ("pins/", Some("https://example.com/api/pins/")),
            ("https://example.com:443/x", Some("https://example.com/x")),
            ("//example.com/x", Some("https://example.com/x")),
            ("http://example.com/api/pins/", None),
            ("https://example.com:444/x", None),
            ("https://api.example.com/x", None),
            ("//other.example/x", None),
            (r"\\other.example\x", None),
            ("https://user:word@example.com/x", None),
            ("data:text/plain,x", None),
        ] {
            assert_eq!(same_origin(&asked, location).as_ref().map(Url::as_str), leads_to, "{location}");
        }
    }
}

//! What browsers say about the page that a request comes from: `Origin`, and Fetch Metadata
//! (<https://www.w3.org/TR/fetch-metadata/>). A page cannot change either; programs send neither.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, Method, header},
};

use super::only;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// Of what is fetched before anybody asked to see it.
const PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// Whether there is an `Origin` that is not `own`, which is `scheme://host:port`.
pub(super) fn names_foreign_origin(headers: &HeaderMap, own: &str) -> bool {
    headers.contains_key(header::ORIGIN) && only(headers, &header::ORIGIN) != Some(own)
}

/// Whether a browser says that a page of another origin asks. To open an address in a window of its own is everybody's
/// right: whoever does that sees it, and the page that led there does not.
pub(super) fn is_of_foreign_page(request: &Request) -> bool {
    let headers = request.headers();
    // No page: a program, an old browser, or somebody who typed the address.
    if headers.get(SITE).is_none_or(|site| matches!(site.as_bytes(), b"none" | b"same-origin")) {
        return false;
    }
    let says = |name, value: &str| headers.get(name).is_some_and(|said| said == value);
    let opens_window = says(MODE, "navigate") && says(DESTINATION, "document") && !headers.contains_key(PURPOSE);
    !(opens_window && matches!(*request.method(), Method::GET | Method::HEAD))
}

/// Whether a page below one root asks for a part of itself that is not below that root.
///
/// Content under `/ipfs/` shares an origin without being of one mind, and even without scripts a page can ask for one thing
/// when another is not there. What is fetched without a page around it is the browser's own, such as a viewer of PDFs.
pub(super) fn is_part_of_other_root(request: &Request, own: &str) -> bool {
    let headers = request.headers();
    let is_same_origin = headers.get(SITE).is_some_and(|site| site == "same-origin");
    let is_part = headers.get(DESTINATION).is_some_and(|to| !matches!(to.as_bytes(), b"document" | b"empty"));
    if !is_same_origin || !is_part {
        return false;
    }
    let page = only(headers, &header::REFERER).and_then(|page| page.strip_prefix(own));
    root_of(request.uri().path()).is_none_or(|root| page.and_then(root_of) != Some(root))
}

/// The segment behind `/ipfs/`.
fn root_of(path: &str) -> Option<&str> {
    let root = path.strip_prefix("/ipfs/")?.split(['/', '?', '#']).next()?;
    (!root.is_empty()).then_some(root)
}

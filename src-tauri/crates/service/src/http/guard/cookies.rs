//! Cookies, for which nothing here has a use.
//!
//! A site on a host of its own may give its browser cookies for all hosts beside it, also those of other gateways on other
//! ports, and a script does that without us. A head with all of them is larger than many servers take. So they weigh nothing
//! here, and where the hosts beside are this computer's own the browser is told to forget them. On a public name that would
//! end the visitor's sessions with whoever owns the domain.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// More than a site has use for; servers take 8 KiB or more.
const MANY_BYTES: usize = 8 * 1024;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The cookies that a request had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookies {
    bytes: usize,
}

impl Cookies {
    pub(super) const fn are_many(self) -> bool {
        self.bytes > MANY_BYTES
    }
}

/// Takes them out of a request.
pub(super) fn take(headers: &mut HeaderMap) -> Cookies {
    let bytes = headers.get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
    headers.remove(header::COOKIE);
    Cookies { bytes }
}

/// Tells the browser to forget those of this host and of those beside it.
pub(super) fn clear(headers: &mut HeaderMap) {
    headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cookies\""));
}

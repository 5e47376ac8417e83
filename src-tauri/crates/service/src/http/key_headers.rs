//! The two headers by which the AIOZ API says who asks.

use axum::http::HeaderMap;

pub(crate) const KEY_HEADER: &str = "pinning_api_key";
pub(crate) const SECRET_HEADER: &str = "pinning_secret_key";

/// Whether a request speaks that API.
pub(crate) fn has_keys(headers: &HeaderMap) -> bool {
    headers.contains_key(KEY_HEADER) || headers.contains_key(SECRET_HEADER)
}

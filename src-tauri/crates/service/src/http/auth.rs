//! Who asks: the two key headers of the AIOZ API.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, request::Parts},
};

use super::{Shared, errors::ApiError};
use crate::store::keys::Owner;

const KEY_HEADER: &str = "pinning_api_key";
const SECRET_HEADER: &str = "pinning_secret_key";

/// The owner whose keys a request carries.
pub(crate) fn authenticate(shared: &Shared, headers: &HeaderMap) -> Result<Owner, ApiError> {
    let (Some(key), Some(secret)) = (headers.get(KEY_HEADER), headers.get(SECRET_HEADER)) else {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "You are not logged in"));
    };
    shared
        .store
        .keys
        .authenticate(key.as_bytes(), secret.as_bytes())
        .ok_or_else(|| ApiError::new(StatusCode::UNAUTHORIZED, "invalid API key or secret key"))
}

impl FromRequestParts<Shared> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, ApiError> {
        authenticate(shared, &parts.headers)
    }
}

//! Who asks: the two key headers of the AIOZ API, or the bearer token of the Pinning Service API.

use std::{marker::PhantomData, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, StatusCode, header, request::Parts},
};

use super::{
    Shared,
    errors::ApiError,
    key_headers::{KEY_HEADER, SECRET_HEADER, has_keys},
    throttle::Peer,
};
use crate::store::{
    keys::{Grant, Owner},
    memory::Who,
    scopes::Scope,
};

/// Somebody whose key is right. What they ask for is theirs only if the key has the scope.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Grant);

impl Caller {
    /// The owner, if their key may do that.
    pub(crate) fn may(&self, scope: Scope) -> Result<Owner, ApiError> {
        if self.0.scopes.allow(scope) {
            Ok(self.0.owner)
        } else {
            let message = format!("this key does not have the scope {}", scope.name());
            Err(ApiError::new(StatusCode::FORBIDDEN, message))
        }
    }
}

/// What a route needs of a key, for [`Allowed`].
pub(crate) trait Needed {
    const SCOPE: Scope;
}

pub(crate) struct ToAdmin;
pub(crate) struct ToList;
pub(crate) struct ToPinByHash;
pub(crate) struct ToUnpin;

impl Needed for ToAdmin {
    const SCOPE: Scope = Scope::Admin;
}

impl Needed for ToList {
    const SCOPE: Scope = Scope::List;
}

impl Needed for ToPinByHash {
    const SCOPE: Scope = Scope::PinByHash;
}

impl Needed for ToUnpin {
    const SCOPE: Scope = Scope::Unpin;
}

/// The owner of the key that a request carries, if that key has the scope.
pub(crate) struct Allowed<N>(pub(crate) Owner, pub(crate) PhantomData<N>);

impl<N: Needed> FromRequestParts<Shared> for Allowed<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, ApiError> {
        let owner = authenticate(shared, parts).await?.may(N::SCOPE)?;
        // Whose memory the body takes.
        parts.extensions.insert(Who::from(owner));
        Ok(Self(owner, PhantomData))
    }
}

/// Finds whose key a request carries.
pub(crate) async fn authenticate(shared: &Shared, parts: &Parts) -> Result<Caller, ApiError> {
    let headers = &parts.headers;
    let (found, complaint) = if has_keys(headers) {
        let header = |name| headers.get(name).map(|value| value.as_bytes().to_vec());
        let (Some(key), Some(secret)) = (header(KEY_HEADER), header(SECRET_HEADER)) else {
            return Err(not_logged_in());
        };
        let found = shared.blocking(move |store| store.keys.authenticate(&key, &secret)).await??;
        (found, "invalid API key or secret key")
    } else if let Some(token) = bearer_token(headers) {
        let token = token.to_vec();
        let found = shared.blocking(move |store| store.keys.authenticate_token(&token)).await??;
        (found, "Access token is missing or invalid")
    } else {
        return Err(not_logged_in());
    };
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| Peer(peer.0.ip()));
    // Who has a right key is never kept out by others at the same address; nobody guesses 32 random bytes.
    found.map(Caller).ok_or_else(|| match peer.map(|peer| shared.failures.note(peer)) {
        Some(Err(wait)) => ApiError::too_many("too many requests with wrong keys", wait),
        _ => ApiError::new(StatusCode::UNAUTHORIZED, complaint),
    })
}

fn not_logged_in() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "You are not logged in")
}

fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.as_bytes().split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, ApiError> {
        authenticate(shared, parts).await
    }
}

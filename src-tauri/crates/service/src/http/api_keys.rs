//! Keys: made, listed and revoked by whoever has one with the scope for it.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Shared,
    auth::{Allowed, ToAdmin},
    errors::{ApiError, Body as ErrorReply},
    ids::RecordId,
    json::{Given, Success},
    metadata::MAX_CHARS,
};
use crate::store::{
    keys::KeyInfo,
    scopes::{Scope, Scopes},
};

#[derive(Deserialize, ToSchema)]
pub(crate) struct NewKey {
    name: String,
    #[serde(default)]
    scopes: KeyScopes,
}

/// What a key may do, as the API groups it.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
struct KeyScopes {
    admin: bool,
    data: DataScopes,
    pinning: PinningScopes,
    pin_nft: NftScopes,
}

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
struct DataScopes {
    pin_list: bool,
    nft_list: bool,
}

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
struct PinningScopes {
    unpin: bool,
    pin_by_hash: bool,
    pin_file_to_ipfs: bool,
}

/// This service has no such tokens; what is asked for is taken and means nothing.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
struct NftScopes {
    unpin_nft: bool,
    pin_nft_to_ipfs: bool,
}

impl KeyScopes {
    fn scopes(&self) -> Scopes {
        let asked = [
            (Scope::List, self.data.pin_list),
            (Scope::Pin, self.pinning.pin_file_to_ipfs),
            (Scope::PinByHash, self.pinning.pin_by_hash),
            (Scope::Unpin, self.pinning.unpin),
        ];
        if self.admin {
            return Scopes::all();
        }
        asked.into_iter().filter_map(|(scope, is_asked)| is_asked.then_some(scope)).collect()
    }

    fn of(scopes: &Scopes) -> Self {
        Self {
            admin: scopes.allow(Scope::Admin),
            data: DataScopes { pin_list: scopes.allow(Scope::List), nft_list: false },
            pinning: PinningScopes {
                unpin: scopes.allow(Scope::Unpin),
                pin_by_hash: scopes.allow(Scope::PinByHash),
                pin_file_to_ipfs: scopes.allow(Scope::Pin),
            },
            pin_nft: NftScopes::default(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedKey {
    name: String,
    api_key: String,
    secret_key: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    total: usize,
    api_keys: Vec<ListedKey>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ListedKey {
    id: Uuid,
    name: String,
    api_key: String,
    /// Always empty: only a hash of it is kept.
    secret_key: &'static str,
    scopes: KeyScopes,
    created_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    status: &'static str,
}

#[utoipa::path(
    post,
    path = "/api/apiKeys",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    request_body = NewKey,
    responses(
        (status = 201, description = "The key; its secret is shown this once", body = Success<CreatedKey>),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn create(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToAdmin>,
    Given(asked): Given<NewKey>,
) -> Result<Response, ApiError> {
    if asked.name == "Default" {
        return Err(ApiError::bad_request("Cannot create an API key with the name 'Default'"));
    }
    if asked.name.is_empty() || asked.name.chars().count() > MAX_CHARS {
        return Err(ApiError::bad_request("a key's name has 1 to 255 characters"));
    }
    let scopes = asked.scopes.scopes();
    let made = shared.blocking(move |store| store.keys.create_for(owner, &asked.name, &scopes)).await??;
    let Some((info, key)) = made else {
        let message = "Maximum number of API keys exceeded. Please delete some keys before creating a new one.";
        return Err(ApiError::bad_request(message));
    };
    let created = CreatedKey { name: info.name, api_key: key.key, secret_key: key.secret.expose_secret().to_owned() };
    Ok((StatusCode::CREATED, Json(Success::new(created))).into_response())
}

#[utoipa::path(
    get,
    path = "/api/apiKeys/list",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    responses(
        (status = 200, description = "The keys that stay valid", body = Success<KeyList>),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn list(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToAdmin>,
) -> Result<Json<Success<KeyList>>, ApiError> {
    let keys = shared.blocking(move |store| store.keys.list(Some(owner))).await??;
    let api_keys: Vec<_> = keys.into_iter().map(listed).collect();
    Ok(Json(Success::new(KeyList { total: api_keys.len(), api_keys })))
}

#[utoipa::path(
    delete,
    path = "/api/apiKeys/{id}",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    params(("id" = String, Path, description = "The key's id")),
    responses(
        (status = 200, description = "The key is valid no more", body = Done),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn revoke(
    State(shared): State<Shared>,
    Allowed(owner, _): Allowed<ToAdmin>,
    RecordId(id): RecordId,
) -> Result<Json<Done>, ApiError> {
    if shared.blocking(move |store| store.keys.revoke(id, Some(owner))).await?? {
        Ok(Json(Done { status: "success" }))
    } else {
        Err(ApiError::not_found())
    }
}

fn listed(key: KeyInfo) -> ListedKey {
    ListedKey {
        id: key.id,
        created_at: key.created_text(),
        name: key.name,
        api_key: key.key.unwrap_or_default(),
        secret_key: "",
        scopes: KeyScopes::of(&key.scopes),
    }
}

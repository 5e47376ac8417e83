//! The description of the API that the service gives of itself.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components, HttpMethod,
        path::{Operation, PathItem},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{api_keys, pinning, psa, upload, usage};

#[derive(OpenApi)]
#[openapi(
    info(title = "Holdfast's pinning service", description = "The AIOZ Pin API and the IPFS Pinning Service API."),
    paths(
        upload::upload,
        pinning::pin_by_hash,
        pinning::get,
        pinning::list,
        pinning::unpin,
        psa::list,
        psa::add,
        psa::get,
        psa::replace,
        psa::remove,
        api_keys::create,
        api_keys::list,
        api_keys::revoke,
        super::test_authentication,
        usage::this_month,
        serve
    ),
    modifiers(&Credentials, &SharedRoot)
)]
struct Description;

/// The two ways to say who asks.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let header = |name: &str| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name)));
        let components = openapi.components.get_or_insert_with(Components::new);
        components.add_security_scheme("key", header("pinning_api_key"));
        components.add_security_scheme("secret", header("pinning_secret_key"));
        let token = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.add_security_scheme("token", token);
    }
}

/// The Pinning Service API where it shares its root with the AIOZ API.
struct SharedRoot;

impl Modify for SharedRoot {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let paths = &mut openapi.paths;
        for path in ["/pins", "/pins/{id}"] {
            let Some(mut shared) = paths.paths.get(&format!("/api/psa{path}")).cloned() else { continue };
            for operation in operations(&mut shared) {
                operation.operation_id = operation.operation_id.take().map(|id| format!("{id}_where_cids_are_fixed"));
            }
            if let Some(accepted) = shared.post.as_mut().filter(|_| path == "/pins").map(|post| &mut post.responses)
                && let Some(created) = accepted.responses.remove("202")
            {
                accepted.responses.insert("201".into(), created);
            }
            if path == "/pins" {
                shared.get = None;
            }
            for (method, operation) in
                [(HttpMethod::Post, shared.post), (HttpMethod::Get, shared.get), (HttpMethod::Delete, shared.delete)]
            {
                if let Some(operation) = operation {
                    paths.add_path_operation(format!("/api/pinning{path}"), vec![method], operation);
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten()
}

#[utoipa::path(
    get,
    path = "/api/openapi.json",
    responses((status = 200, description = "This description", content_type = "application/json"))
)]
pub(super) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described() {
        let described: BTreeSet<_> = Description::openapi().paths.paths.into_keys().collect();
        let routes: BTreeSet<_> = super::super::api_routes().into_iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(described, routes);
    }
}

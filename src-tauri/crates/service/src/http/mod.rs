//! The HTTP side: which request goes where.

mod api_keys;
mod auth;
mod disposition;
mod errors;
mod foreign_names;
mod gateway;
mod guard;
mod held;
mod ids;
mod json;
mod key_headers;
mod limit;
mod metadata;
mod metrics;
mod openapi;
mod operation;
mod part;
mod pinning;
mod psa;
mod shares;
mod throttle;
mod upload;
mod upload_worker;
mod usage;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth::Caller;
use axum::{
    Json, Router,
    extract::{MatchedPath, Request, State},
    http::{StatusCode, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post},
};
use errors::ApiError;
pub(crate) use gateway::{Action, Gateway, Redirects};
pub(crate) use guard::{AllowedHosts, Scheme};
pub(crate) use metadata::GivenMetadata;
pub(crate) use metrics::Metrics;
pub(crate) use part::Part;
pub(crate) use psa::delegate;
use serde::Serialize;
pub(crate) use throttle::{Failures, Peer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
pub(crate) use upload::Uploads;
use utoipa::ToSchema;

use crate::{import::PROFILE, retrieve::Retrievals, store::Store};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) hosts: AllowedHosts,
    pub(crate) max_upload_bytes: Option<u64>,
    pub(crate) body_idle_timeout: Duration,
    pub(crate) uploads: Uploads,
    /// Everything that uses the store; it outlives the requests that started it.
    pub(crate) work: TaskTracker,
    pub(crate) gateway: Gateway,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether anybody may read the metrics, and not only programs of this computer that have a key.
    pub(crate) public_metrics: bool,
    /// Fetches what is pinned by CID and not held.
    pub(crate) retrievals: Arc<Retrievals>,
    /// Wrong keys.
    pub(crate) failures: Failures,
    /// The multiaddrs that clients are told to send content to.
    pub(crate) delegates: Vec<String>,
}

pub(crate) type Shared = Arc<App>;

impl App {
    /// Runs what blocks on the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(&self.store);
        Ok(self.work.spawn_blocking(move || work(&store)).await?)
    }

    /// The same for what may take long: `work` is told when the client has gone, and so nobody waits any more.
    async fn blocking_while_awaited<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store, CancellationToken) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let given_up = CancellationToken::new();
        let _gives_up = given_up.clone().drop_guard();
        self.blocking(move |store| work(store, given_up)).await
    }
}

/// The routes of the API, each of which [`openapi`] describes.
fn api_routes() -> [(&'static str, MethodRouter<Shared>); 14] {
    [
        ("/api/pinning", post(upload::upload)),
        ("/api/pinning/pinByHash", post(pinning::pin_by_hash)),
        ("/api/pinning/pins", get(psa::list_of_either_api).post(psa::add)),
        ("/api/pinning/pins/{id}", get(psa::get).post(psa::replace).delete(psa::remove)),
        ("/api/psa/pins", get(psa::list).post(psa::add)),
        ("/api/psa/pins/{id}", get(psa::get).post(psa::replace).delete(psa::remove)),
        ("/api/pinning/{id}", get(pinning::get)),
        ("/api/pinning/unpin/{id}", delete(pinning::unpin)),
        ("/api/apiKeys", post(api_keys::create)),
        ("/api/apiKeys/list", get(api_keys::list)),
        ("/api/apiKeys/{id}", delete(api_keys::revoke)),
        ("/api/apiKeys/testAuthentication", get(test_authentication)),
        ("/api/billing/thisMonthUsage", get(usage::this_month)),
        ("/api/openapi.json", get(openapi::serve)),
    ]
}

pub(crate) fn router(shared: Shared) -> Router {
    api_routes()
        .into_iter()
        .fold(Router::new(), |router, (path, methods): (&str, MethodRouter<Shared>)| {
            router.route(path, methods.clone()).route(&format!("{path}/"), methods)
        })
        .route("/ipfs/", get(gateway::open_uri))
        .route("/ipfs/{*path}", get(gateway::serve).options(gateway::preflight))
        .route("/api/gateway/{cid}", get(gateway::redirect))
        .route("/api/gateway/{cid}/{*path}", get(gateway::redirect))
        .route("/health", get(operation::health))
        .route("/metrics", get(operation::metrics))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::refuse_foreign))
        .layer(middleware::from_fn(errors::in_shape_of_api))
        .layer(middleware::from_fn(log))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), metrics::count))
        .with_state(shared)
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Greeting {
    message: &'static str,
    capabilities: [&'static str; 5],
}

#[utoipa::path(
    get,
    path = "/api/apiKeys/testAuthentication",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    responses(
        (status = 200, description = "The key is right", body = Greeting),
        (status = "4XX", description = "What is wrong", body = errors::Body),
    )
)]
async fn test_authentication(_: Caller) -> Json<Greeting> {
    Json(Greeting {
        message: "Congratulations! You are communicating with the Web3 IPFS API!",
        capabilities: ["directory-parts", "symlink-parts", "exact-paths", "car", PROFILE.name()],
    })
}

async fn no_such_route(State(_): State<Shared>, uri: Uri) -> Response {
    if uri.path().starts_with("/api") {
        ApiError::new(StatusCode::NOT_FOUND, "no such route").into_response()
    } else {
        (StatusCode::NOT_FOUND, "There is nothing at this address.\n").into_response()
    }
}

async fn no_such_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this route does not take that method")
}

/// Paths hold CIDs and queries hold metadata, so only the route is logged.
async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();
    let response = next.run(request).await;
    tracing::debug!(
        %method,
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        status = response.status().as_u16(),
        milliseconds = started.elapsed().as_millis() as u64,
        "answered"
    );
    response
}

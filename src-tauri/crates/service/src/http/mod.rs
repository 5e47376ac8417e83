//! The HTTP side: which request goes where.

mod auth;
mod disposition;
mod errors;
mod gateway;
mod guard;
mod metadata;
mod pinning;
mod upload;
mod upload_worker;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{MatchedPath, Request, State},
    http::{StatusCode, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post},
};
use errors::ApiError;
pub(crate) use guard::AllowedHosts;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::store::{Store, keys::Owner};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) hosts: AllowedHosts,
    pub(crate) max_upload_bytes: Option<u64>,
    pub(crate) body_idle_timeout: Duration,
    /// One permit per upload.
    pub(crate) uploads: Arc<Semaphore>,
    /// Everything that uses the store; it outlives the requests that started it.
    pub(crate) work: TaskTracker,
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
}

pub(crate) fn router(shared: Shared) -> Router {
    let api = [
        ("/api/pinning", post(upload::upload)),
        ("/api/pinning/pinByHash", post(pinning::pin_by_hash)),
        ("/api/pinning/pins", get(pinning::list)),
        ("/api/pinning/{id}", get(pinning::get)),
        ("/api/pinning/unpin/{id}", delete(pinning::unpin)),
        ("/api/apiKeys/testAuthentication", get(test_authentication)),
    ];
    api.into_iter()
        .fold(Router::new(), |router, (path, methods): (&str, MethodRouter<Shared>)| {
            router.route(path, methods.clone()).route(&format!("{path}/"), methods)
        })
        .route("/ipfs/{*path}", get(gateway::serve))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::refuse_foreign))
        .layer(middleware::from_fn(log))
        .with_state(shared)
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
    capabilities: [&'static str; 4],
}

async fn test_authentication(_: Owner) -> Json<Greeting> {
    Json(Greeting {
        message: "Congratulations! You are communicating with the Web3 IPFS API!",
        capabilities: ["directory-parts", "symlink-parts", "exact-paths", "car"],
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

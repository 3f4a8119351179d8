//! The router: API, health and pages on one address.

use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};
use hark_store::Store;
use tokio::net::TcpListener;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::engine::Engine;
use crate::{Problem, api, compressed};

#[derive(Clone)]
pub struct AppState {
    pub engine: Arc<dyn Engine>,
    pub store: Arc<dyn Store>,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "hark",
    description = "Listens to the user-experience metrics of a voice assistant and says what got worse.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct ApiDoc;

/// The API's description, OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api_router().split_for_parts().1
}

/// Everything that is served.
pub fn router(state: AppState) -> Router {
    let (routes, document) = api_router().split_for_parts();
    let document = Arc::new(document);
    routes
        .merge(api::otlp_grpc::routes())
        .route("/api/openapi.json", get(move || async move { axum::Json(document.as_ref().clone()) }))
        .with_state(state)
        .layer(middleware::from_fn(compressed::compress))
        .nest("/api", Router::new().fallback(unknown))
        .nest("/v1", Router::new().fallback(unknown_signal))
        .merge(hark_dashboard_assets::router())
}

fn api_router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(api::events::routes())
        .merge(api::otlp::routes())
        .merge(api::remote_write::routes())
        .merge(api::alerts::routes())
        .merge(api::incidents::routes())
        .merge(api::people::routes())
        .merge(api::compare::routes())
        .merge(api::series::routes())
        .merge(api::query::routes())
        .merge(api::exemplars::routes())
        .merge(api::changes::routes())
        .merge(api::report::routes())
        .merge(api::definitions::routes())
        .merge(api::models::routes())
        .merge(api::silences::routes())
        .merge(api::audit::routes())
        .merge(api::health::routes())
        .merge(api::stream::routes())
}

async fn unknown() -> Problem {
    Problem::not_found("there is no such address in the API; /api/openapi.json lists all of them")
}

/// An exporter of traces would take a page for an answer.
async fn unknown_signal() -> Problem {
    Problem::not_found("hark takes logs and metrics over OTLP, at /v1/logs and /v1/metrics, and nothing else")
}

/// Serves until the future is dropped: open streams never end by themselves, so there is nothing to drain for.
pub async fn serve(listener: TcpListener, state: AppState) -> std::io::Result<()> {
    axum::serve(listener, router(state)).await
}

/// Serves OTLP over gRPC alone, for the port that exporters send to unless they are told otherwise.
pub async fn serve_grpc(listener: TcpListener, state: AppState) -> std::io::Result<()> {
    axum::serve(listener, api::otlp_grpc::routes().fallback(api::otlp_grpc::unknown).with_state(state)).await
}

/// Whether this binary carries the pages.
pub const fn pages_are_built() -> bool {
    hark_dashboard_assets::is_built()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_description_is_that_of_the_code() {
        let committed: serde_json::Value = serde_json::from_str(include_str!("../openapi.json")).unwrap();
        let is_current = serde_json::to_value(openapi()).unwrap() == committed;
        assert!(is_current, "the API has changed: run `cargo xtask openapi`, and commit what it writes");
    }
}

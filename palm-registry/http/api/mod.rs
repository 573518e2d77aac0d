//! `/api/v1`: JSON in and out; and two addresses for who watches the service.

mod clusters;
mod nodes;
mod prometheus;
mod reading;
mod tokens;

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::de::DeserializeOwned;

use super::Refusal;
use super::app::Shared;

/// What a client can be made from.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(prometheus::metrics))
        .route("/api/v1/openapi.json", get(document))
        .route("/api/v1/clusters", get(clusters::list).post(clusters::create))
        .route("/api/v1/clusters/{key}", get(clusters::show).delete(clusters::delete))
        .route("/api/v1/clusters/{key}/reset", post(clusters::reset))
        .route("/api/v1/clusters/{key}/plan", post(clusters::plan))
        .route("/api/v1/clusters/{key}/instances", get(reading::instances))
        .route("/api/v1/clusters/{key}/instances/{name}/restart", post(clusters::restart))
        .route("/api/v1/clusters/{key}/nodes", get(reading::nodes).post(nodes::join))
        .route("/api/v1/clusters/{key}/nodes/{id}", delete(nodes::leave))
        .route("/api/v1/clusters/{key}/nodes/{id}/heartbeat", post(nodes::heartbeat))
        .route("/api/v1/clusters/{key}/events", get(reading::events))
        .route("/api/v1/clusters/{key}/metrics", get(reading::metrics))
        .route("/api/v1/clusters/{key}/logs", get(reading::logs))
        .route("/api/v1/clusters/{key}/tokens", get(tokens::list).post(tokens::create))
        .route("/api/v1/clusters/{key}/tokens/{id}", delete(tokens::remove))
}

/// 200 as long as the database answers.
async fn health(State(app): State<Shared>) -> Result<&'static str, Refusal> {
    app.store.check().await.map_err(|error| {
        tracing::error!(%error, "the database does not answer");
        Refusal::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "database", "the database does not answer")
    })?;
    Ok("ok\n")
}

async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// The pieces of a path that vary.
pub(super) struct InPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(pieces) =
            Path::from_request_parts(parts, state).await.map_err(|error| Refusal::bad(error.body_text()))?;
        Ok(Self(pieces))
    }
}

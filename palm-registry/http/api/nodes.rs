//! Nodes, as their runners speak of them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use uuid::Uuid;

use super::super::Refusal;
use super::super::app::Shared;
use super::super::body;
use super::InPath;
use crate::api::{Assignment, Heartbeat, NodeJoin};
use crate::users;

pub(super) async fn join(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
    body::Json(join): body::Json<NodeJoin>,
) -> Result<Json<Assignment>, Refusal> {
    app.runner(&headers, &key).await?;
    users::label("version of the runner", &join.runner)?;
    users::label("host name", join.host.as_deref().unwrap_or_default())?;
    Ok(Json(app.store.join(&key, &join, Timestamp::now()).await?))
}

pub(super) async fn heartbeat(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath((key, id)): InPath<(String, Uuid)>,
    body::Json(heartbeat): body::Json<Heartbeat>,
) -> Result<Json<Assignment>, Refusal> {
    app.runner(&headers, &key).await?;
    Ok(Json(app.store.heartbeat(&key, id, &heartbeat, Timestamp::now()).await?))
}

pub(super) async fn leave(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath((key, id)): InPath<(String, Uuid)>,
) -> Result<StatusCode, Refusal> {
    app.runner(&headers, &key).await?;
    app.store.leave(&key, id, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

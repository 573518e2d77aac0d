//! Clusters: made, shown, planned, reset and deleted by their owner.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::Shared;
use super::super::body;
use super::super::legacy;
use super::InPath;
use crate::api::{Cluster, NewCluster, Plan, PlanRequest};
use crate::cluster::{self, NodeFile};
use crate::store::StoreError;
use crate::users;

/// Nodes that a plan is made for.
const NODES: usize = 1_000;

pub(super) async fn list(State(app): State<Shared>, headers: HeaderMap) -> Result<Json<Vec<Cluster>>, Refusal> {
    let user = app.reader(&headers).await?;
    let mut list = Vec::new();
    for cluster in app.store.clusters_of(&user).await? {
        list.push(app.store.describe(&cluster, false).await?);
    }
    Ok(Json(list))
}

pub(super) async fn create(
    State(app): State<Shared>,
    headers: HeaderMap,
    body::Json(new): body::Json<NewCluster>,
) -> Result<(StatusCode, Json<Cluster>), Refusal> {
    let user = app.user(&headers).await?;
    let key = legacy::new_key(new.key.as_deref().unwrap_or_default())?;
    let alias = users::label("alias", &new.alias)?;
    app.store.add_cluster(&user, &key, alias, &new.file, Timestamp::now()).await?;
    let cluster = app.store.cluster_of(&key, &user).await?;
    Ok((StatusCode::CREATED, Json(app.store.describe(&cluster, true).await?)))
}

pub(super) async fn show(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
) -> Result<Json<Cluster>, Refusal> {
    let user = app.reader(&headers).await?;
    let cluster = app.store.cluster_of(&key, &user).await?;
    Ok(Json(app.store.describe(&cluster, true).await?))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
) -> Result<StatusCode, Refusal> {
    let user = app.user(&headers).await?;
    app.store.delete_cluster(&key, &user, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn reset(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
) -> Result<Json<Cluster>, Refusal> {
    let user = app.user(&headers).await?;
    app.store.reset(&key, &user, Timestamp::now()).await?;
    let cluster = app.store.cluster_of(&key, &user).await?;
    Ok(Json(app.store.describe(&cluster, true).await?))
}

pub(super) async fn plan(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
    body::Json(request): body::Json<PlanRequest>,
) -> Result<Json<Plan>, Refusal> {
    let user = app.user(&headers).await?;
    if request.nodes.len() > NODES {
        return Err(Refusal::too_large(format!("a plan has at most {NODES} nodes")));
    }
    let cluster = app.store.cluster_of(&key, &user).await?;
    let nodes = request
        .nodes
        .iter()
        .map(|node| NodeFile::parse(node))
        .collect::<Result<Vec<_>, _>>()
        .map_err(StoreError::from)?;
    let plan = cluster::plan(&cluster.placement()?, &cluster.cluster_file()?, &nodes);
    Ok(Json(plan.map_err(StoreError::from)?))
}

pub(super) async fn restart(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath((key, name)): InPath<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let user = app.user(&headers).await?;
    if app.store.restart(&key, &user, &name, Timestamp::now()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::not_found("no instance of that name is placed"))
    }
}

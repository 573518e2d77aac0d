//! What is kept of a cluster, for its owner to read.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::{App, Shared};
use super::super::arguments::Arguments;
use super::InPath;
use crate::api::{Event, LogLine, Metric, Node, PlacedInstance};
use crate::store::{ClusterRow, EventFilter, LineFilter, MetricFilter};

async fn cluster(app: &App, headers: &HeaderMap, key: &str) -> Result<ClusterRow, Refusal> {
    let user = app.reader(headers).await?;
    Ok(app.store.cluster_of(key, &user).await?)
}

pub(super) async fn instances(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
) -> Result<Json<Vec<PlacedInstance>>, Refusal> {
    let cluster = cluster(&app, &headers, &key).await?;
    Ok(Json(app.store.instances(&cluster).await?))
}

pub(super) async fn nodes(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
) -> Result<Json<Vec<Node>>, Refusal> {
    let cluster = cluster(&app, &headers, &key).await?;
    Ok(Json(app.store.nodes(&cluster, Timestamp::now()).await?))
}

pub(super) async fn events(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
    arguments: Arguments,
) -> Result<Json<Vec<Event>>, Refusal> {
    let filter = EventFilter {
        after: arguments.number("after")?.unwrap_or(0),
        before: arguments.number("before")?,
        kind: arguments.text("kind").to_owned(),
        instance: arguments.text("instance").to_owned(),
        limit: arguments.limit()?,
    };
    let cluster = cluster(&app, &headers, &key).await?;
    Ok(Json(app.store.events(cluster.id, &filter).await?))
}

pub(super) async fn metrics(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
    arguments: Arguments,
) -> Result<Json<Vec<Metric>>, Refusal> {
    let filter = MetricFilter {
        after: arguments.number("after")?.unwrap_or(0),
        instance: arguments.text("instance").to_owned(),
        from: arguments.time("from")?.unwrap_or(i64::MIN),
        to: arguments.time("to")?.unwrap_or(i64::MAX),
        limit: arguments.limit()?,
    };
    let cluster = cluster(&app, &headers, &key).await?;
    Ok(Json(app.store.metrics(cluster.id, &filter).await?))
}

pub(super) async fn logs(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
    arguments: Arguments,
) -> Result<Json<Vec<LogLine>>, Refusal> {
    let filter = line_filter(&arguments)?;
    let cluster = cluster(&app, &headers, &key).await?;
    Ok(Json(app.store.lines(cluster.id, &filter).await?))
}

fn line_filter(arguments: &Arguments) -> Result<LineFilter, Refusal> {
    Ok(LineFilter {
        after: arguments.number("after")?.unwrap_or(0),
        before: arguments.number("before")?,
        component: arguments.text("component").to_owned(),
        instance: arguments.text("instance").to_owned(),
        node: arguments.text("node").to_owned(),
        stream: arguments.text("stream").to_owned(),
        level: arguments.text("level").to_owned(),
        from: arguments.time("from")?.unwrap_or(i64::MIN),
        to: arguments.time("to")?.unwrap_or(i64::MAX),
        limit: arguments.limit()?,
    })
}

//! `GET /cluster?method=…`: all of it by GET, what changes something too. A header that no form can send lets it in.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::Refusal;
use super::super::app::{App, Shared};
use super::super::arguments::Arguments;
use super::{json, times};
use crate::cluster::NodeFile;
use crate::store::{ClusterRow, StoreError};
use crate::users;

pub(super) async fn call(
    State(app): State<Shared>,
    headers: HeaderMap,
    arguments: Arguments,
) -> Result<Response, Refusal> {
    let now = Timestamp::now();
    match arguments.text("method") {
        "new_cluster" => new_cluster(&app, &headers, &arguments, now).await,
        "clusters_list" => clusters_list(&app, &headers).await,
        "node_config" => node_config(&app, &headers, &arguments, now).await,
        "cluster_status" => {
            let cluster = owned(&app, &headers, &arguments).await?;
            let (file, placement) = (cluster.cluster_file()?, cluster.placement()?);
            Ok(text(placement.status(&file).map(|status| json::text(&status)).unwrap_or_default()))
        }
        "cluster_reset" => {
            let key = arguments.required("cluster")?;
            let user = app.user(&headers).await?;
            app.store.reset(key, &user, now).await?;
            Ok(text(key.to_owned()))
        }
        "cluster_delete" => {
            let key = arguments.required("cluster")?;
            let user = app.user(&headers).await?;
            app.store.delete_cluster(key, &user, now).await?;
            Ok(text(key.to_owned()))
        }
        _ => Err(Refusal::bad(
            "bad method or method not present; there are new_cluster, clusters_list, cluster_status, cluster_reset, cluster_delete, \
             node_config",
        )),
    }
}

async fn owned(app: &App, headers: &HeaderMap, arguments: &Arguments) -> Result<ClusterRow, Refusal> {
    let key = arguments.required("cluster")?;
    let user = app.user(headers).await?;
    Ok(app.store.cluster_of(key, &user).await?)
}

async fn new_cluster(
    app: &App,
    headers: &HeaderMap,
    arguments: &Arguments,
    now: Timestamp,
) -> Result<Response, Refusal> {
    let user = app.user(headers).await?;
    let file = arguments.required("description")?;
    let key = new_key(arguments.text("key"))?;
    let alias = users::label("alias", arguments.text("alias"))?;
    app.store.add_cluster(&user, &key, alias, file, now).await?;
    Ok(text(key))
}

/// The key that is asked for, or one that nobody has.
pub(in super::super) fn new_key(wanted: &str) -> Result<String, Refusal> {
    let wanted = users::label("key", wanted)?;
    Ok(if wanted.is_empty() { Uuid::new_v4().to_string() } else { wanted.to_owned() })
}

async fn clusters_list(app: &App, headers: &HeaderMap) -> Result<Response, Refusal> {
    let user = app.user(headers).await?;
    let zone = TimeZone::system();
    let mut list = Map::new();
    for cluster in app.store.clusters_of(&user).await? {
        let parts = cluster.placement()?.status_parts(&cluster.cluster_file()?);
        let entry = json!({
            "key": cluster.key,
            "when": times::naive(Timestamp::from_microsecond(cluster.created).unwrap_or_default(), &zone),
            "description": cluster.file,
            "alias": cluster.alias,
            "status": parts.map_or_else(|| Value::from(""), |parts| Value::from(parts.to_vec())),
        });
        list.insert(cluster.key, entry);
    }
    Ok(json_text(json::text(&list)))
}

async fn node_config(
    app: &App,
    headers: &HeaderMap,
    arguments: &Arguments,
    now: Timestamp,
) -> Result<Response, Refusal> {
    let key = arguments.required("cluster")?;
    let node = arguments.required("node")?;
    app.runner(headers, key).await?;
    let node = NodeFile::parse(node).map_err(StoreError::from)?;
    let commands = app.store.node_config(key, &node, now).await?;
    Ok(json_text(json::text(&commands)))
}

fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], body).into_response()
}

fn json_text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

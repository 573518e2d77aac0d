//! The addresses that old clients and runners know, answered as they expect.

mod cluster;
mod json;
mod logs;
mod messages;
mod times;

use axum::Router;
use axum::routing::get;

use super::Refusal;
use super::app::Shared;
pub(super) use cluster::new_key;
pub(super) use times::parse as parse_time;

pub(super) fn routes() -> Router<Shared> {
    // HEAD is for what changes nothing.
    let call = get(cluster::call).head(|| async { Refusal::method() });
    Router::new().route("/cluster", call).route("/logs", get(logs::read).post(logs::write))
}

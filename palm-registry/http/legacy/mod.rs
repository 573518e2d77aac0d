//! The addresses that old clients and runners know, answered as they expect.

mod cluster;
mod json;
mod logs;
mod messages;
mod times;

use axum::Router;
use axum::routing::get;

use super::app::Shared;
pub(super) use cluster::new_key;
pub(super) use times::parse as parse_time;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/cluster", get(cluster::call)).route("/logs", get(logs::read).post(logs::write))
}

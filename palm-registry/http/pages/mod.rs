//! Pages, rendered here: no script, nothing from elsewhere.

mod account;
mod clusters;
mod form;
mod logs;
mod page;
pub(super) mod session;
mod sign_in;
mod text;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};

use super::app::Shared;

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");

pub(super) fn routes() -> Router<Shared> {
    let file = |kind: &'static str, text: &'static str| {
        let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=3600")];
        get(move || async move { (headers, text).into_response() })
    };
    Router::new()
        .route("/", get(sign_in::index))
        .route("/style.css", file("text/css; charset=UTF-8", STYLE))
        .route("/favicon.ico", file("image/svg+xml", ICON))
        .route("/setup", get(sign_in::show_setup).post(sign_in::set_up))
        .route("/login", get(sign_in::show).post(sign_in::sign_in))
        .route("/logout", post(sign_in::sign_out))
        .route("/dashboard", get(clusters::dashboard))
        .route("/new_cluster", get(clusters::show_new).post(clusters::create))
        .route("/view_cluster", get(clusters::show))
        .route("/reset_cluster", post(clusters::reset))
        .route("/delete_cluster", post(clusters::delete))
        .route("/restart_instance", post(clusters::restart))
        .route("/new_token", post(clusters::new_token))
        .route("/remove_token", post(clusters::remove_token))
        .route("/view_logs", get(logs::show))
        .route("/new_key", post(account::new_key))
        .route("/remove_key", post(account::remove_key))
        .route("/lock_user", post(account::lock_user))
        .route("/new_password", post(account::new_password))
        .route("/new_user", get(account::show_new_user).post(account::create_user))
}

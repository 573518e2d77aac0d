//! Tokens that let the runners of one cluster in, and nobody else.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::Shared;
use super::super::body;
use super::InPath;
use crate::api::{NewToken, Token};
use crate::store::{Holder, KeptSecret};
use crate::users::{self, Secret};

impl From<KeptSecret> for Token {
    fn from(kept: KeptSecret) -> Self {
        let time = |micros| Timestamp::from_microsecond(micros).unwrap_or_default();
        Self {
            id: kept.id,
            name: kept.name,
            created: time(kept.created),
            last_used: kept.last_used.map(time),
            token: None,
        }
    }
}

pub(super) async fn list(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
) -> Result<Json<Vec<Token>>, Refusal> {
    let user = app.reader(&headers).await?;
    let cluster = app.store.cluster_of(&key, &user).await?;
    Ok(Json(app.store.secrets_of(Holder::Cluster(cluster.id)).await?.into_iter().map(Token::from).collect()))
}

pub(super) async fn create(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath(key): InPath<String>,
    body::Json(new): body::Json<NewToken>,
) -> Result<(StatusCode, Json<Token>), Refusal> {
    let user = app.user(&headers).await?;
    let cluster = app.store.cluster_of(&key, &user).await?;
    let (name, now) = (users::label("name", &new.name)?, Timestamp::now());
    let secret = Secret::new("palm_runner_").map_err(Refusal::internal)?;
    let id = app.store.add_secret(&user, Holder::Cluster(cluster.id), name, &secret.hash(), now).await?;
    let token =
        Token { id, name: name.to_owned(), created: now, last_used: None, token: Some(secret.text().to_owned()) };
    Ok((StatusCode::CREATED, Json(token)))
}

pub(super) async fn remove(
    State(app): State<Shared>,
    headers: HeaderMap,
    InPath((key, id)): InPath<(String, i64)>,
) -> Result<StatusCode, Refusal> {
    let user = app.user(&headers).await?;
    let cluster = app.store.cluster_of(&key, &user).await?;
    if app.store.remove_secret(&user, Holder::Cluster(cluster.id), id, Timestamp::now()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::not_found("there is no such token of this cluster"))
    }
}

//! Who asks.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use super::Refusal;
use super::app::App;
use super::pages::session;
use crate::store::User;
use crate::users::hash;

/// What a program says to be let in: a key or a token.
fn credential(headers: &HeaderMap) -> Option<String> {
    if let Some(key) = headers.get("key") {
        return Some(key.to_str().ok()?.trim().to_owned());
    }
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    // Old clients have no header of their own, but send what stands in the address: `http://runner:TOKEN@host`.
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
        return pair.split_once(':').map(|(_, token)| token.to_owned());
    }
    None
}

impl App {
    /// The user whose API key it is.
    pub(crate) async fn user(&self, headers: &HeaderMap) -> Result<User, Refusal> {
        let Some(key) = credential(headers) else {
            return Err(Refusal::unauthorized("this needs the API key of a user, in the header `Key`"));
        };
        let found = self.store.user_by_key(&hash(&key), Timestamp::now()).await?;
        let user = found.ok_or_else(|| Refusal::unauthorized("that is no API key, or not one any more"))?;
        if user.is_active() { Ok(user) } else { Err(Refusal::forbidden("that user is not active")) }
    }

    /// The same for what changes nothing: whoever signed in may read with the session, too.
    pub(crate) async fn reader(&self, headers: &HeaderMap) -> Result<User, Refusal> {
        match session::of(self, headers).await? {
            Some(session) if credential(headers).is_none() => Ok(session.user),
            _ => self.user(headers).await,
        }
    }

    /// Whether the runners of a cluster ask, or its owner.
    pub(crate) async fn runner(&self, headers: &HeaderMap, key: &str) -> Result<(), Refusal> {
        if self.open_runners {
            return Ok(());
        }
        let Some(credential) = credential(headers) else {
            return Err(Refusal::unauthorized(
                "this needs a runner token of the cluster, in the header `Authorization`",
            ));
        };
        let (hash, now) = (hash(&credential), Timestamp::now());
        if self.store.cluster_by_token(&hash, now).await?.is_some_and(|cluster| cluster == key) {
            return Ok(());
        }
        match self.store.user_by_key(&hash, now).await? {
            Some(user) if user.is_active() => Ok(self.store.cluster_of(key, &user).await.map(drop)?),
            _ => Err(Refusal::unauthorized("that is no runner token of this cluster, or not one any more")),
        }
    }
}

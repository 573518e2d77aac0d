//! Who did what: written, and never changed.

use jiff::Timestamp;
use sqlx::FromRow;

use super::{Store, StoreError, Writing, micros, text};
use crate::users::Tries;

/// Something that a user did.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Deed {
    pub(crate) at: i64,
    pub(crate) user_name: String,
    pub(crate) action: String,
    pub(crate) object: String,
}

impl Store {
    /// The last ones, the newest first.
    pub(crate) async fn deeds(&self, limit: i64) -> Result<Vec<Deed>, StoreError> {
        Ok(sqlx::query_as("SELECT at, user_name, action, object FROM audit ORDER BY id DESC LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pool)
            .await?)
    }
}

impl Store {
    /// Says in the record that sign-ins were refused.
    pub(crate) async fn record_refused(&self, tries: &Tries, now: Timestamp) -> Result<(), StoreError> {
        let Tries { times, name, address } = tries;
        let object = format!("{times} times, the last one from {address}");
        let mut writing = self.write().await?;
        writing.record(name, "sign-in refused", &object, now).await?;
        writing.commit().await
    }
}

impl Writing {
    /// Says in the record who did what, without secrets.
    pub(super) async fn record(
        &mut self,
        by: &str,
        action: &'static str,
        object: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO audit (at, user_name, action, object) VALUES ($1, $2, $3, $4)")
            .bind(micros(now))
            .bind(text(by).into_owned())
            .bind(action)
            .bind(text(object).into_owned())
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

//! What programs are let in by: keys of users, and tokens of the runners of a cluster. Kept are hashes.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, FromRow};

use super::{Store, StoreError, User, count, micros, text};

/// A key or a token, without what it is.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct KeptSecret {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) created: i64,
    pub(crate) last_used: Option<i64>,
}

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    User(i64),
    /// The runners of a cluster.
    Cluster(i64),
}

impl Holder {
    /// Their table, and its column that says whose they are.
    const fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::User(_) => ("api_keys", "user_id"),
            Self::Cluster(_) => ("runner_tokens", "cluster_id"),
        }
    }

    const fn id(self) -> i64 {
        match self {
            Self::User(id) | Self::Cluster(id) => id,
        }
    }
}

impl Store {
    /// Remembers a secret by its hash, and gives the number by which it can be taken back.
    pub(crate) async fn add_secret(
        &self,
        user: &User,
        holder: Holder,
        name: &str,
        hash: &[u8],
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let (table, column) = holder.table();
        let (what, action) = match holder {
            Holder::User(_) => ("keys", "key added"),
            Holder::Cluster(_) => ("runner tokens", "runner token added"),
        };
        let mut writing = self.write().await?;
        let made: Option<(i64,)> = sqlx::query_as(AssertSqlSafe(format!(
            "INSERT INTO {table} ({column}, name, hash, created) \
             SELECT $1, $2, $3, $4 WHERE (SELECT COUNT(*) FROM {table} WHERE {column} = $1) < $5 RETURNING id",
        )))
        .bind(holder.id())
        .bind(text(name).into_owned())
        .bind(hash.to_vec())
        .bind(micros(now))
        .bind(count(self.limits.secrets))
        .fetch_optional(&mut *writing.transaction)
        .await?;
        let Some((id,)) = made else { return Err(StoreError::Full { what, limit: self.limits.secrets }) };
        writing.record(&user.name, action, name, now).await?;
        writing.commit().await?;
        Ok(id)
    }

    pub(crate) async fn secrets_of(&self, holder: Holder) -> Result<Vec<KeptSecret>, StoreError> {
        let (table, column) = holder.table();
        let select = format!("SELECT id, name, created, last_used FROM {table} WHERE {column} = $1 ORDER BY id");
        Ok(sqlx::query_as(AssertSqlSafe(select)).bind(holder.id()).fetch_all(&self.pool).await?)
    }

    /// Takes a secret back; whether there was one.
    pub(crate) async fn remove_secret(
        &self,
        user: &User,
        holder: Holder,
        id: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (table, column) = holder.table();
        let action = match holder {
            Holder::User(_) => "key removed",
            Holder::Cluster(_) => "runner token removed",
        };
        let mut writing = self.write().await?;
        let gone = sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE id = $1 AND {column} = $2")))
            .bind(id)
            .bind(holder.id())
            .execute(&mut *writing.transaction)
            .await?
            .rows_affected();
        if gone == 0 {
            return Ok(false);
        }
        writing.record(&user.name, action, &id.to_string(), now).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Whose key it is.
    pub(crate) async fn user_by_key(&self, hash: &[u8], now: Timestamp) -> Result<Option<User>, StoreError> {
        let found: Option<User> = sqlx::query_as(
            "SELECT users.id, users.name, full_name, email, admin, active FROM users \
             JOIN api_keys ON api_keys.user_id = users.id WHERE hash = $1",
        )
        .bind(hash.to_vec())
        .fetch_optional(&self.pool)
        .await?;
        if let Some(user) = &found {
            self.touch(Holder::User(user.id), hash, now).await?;
        }
        Ok(found)
    }

    /// Key of the cluster whose runners have that token.
    pub(crate) async fn cluster_by_token(&self, hash: &[u8], now: Timestamp) -> Result<Option<String>, StoreError> {
        let found: Option<(i64, String)> = sqlx::query_as(
            "SELECT clusters.id, clusters.key FROM clusters \
             JOIN runner_tokens ON runner_tokens.cluster_id = clusters.id WHERE hash = $1",
        )
        .bind(hash.to_vec())
        .fetch_optional(&self.pool)
        .await?;
        let Some((id, key)) = found else { return Ok(None) };
        self.touch(Holder::Cluster(id), hash, now).await?;
        Ok(Some(key))
    }

    /// Use is noted once a minute, so that reading does not become writing.
    async fn touch(&self, holder: Holder, hash: &[u8], now: Timestamp) -> Result<(), StoreError> {
        const MINUTE: i64 = 60_000_000;
        let (table, _) = holder.table();
        let select = format!("SELECT id FROM {table} WHERE hash = $1 AND COALESCE(last_used, 0) < $2");
        let stale: Option<(i64,)> = sqlx::query_as(AssertSqlSafe(select))
            .bind(hash.to_vec())
            .bind(micros(now) - MINUTE)
            .fetch_optional(&self.pool)
            .await?;
        let Some((id,)) = stale else { return Ok(()) };
        let mut writing = self.write().await?;
        sqlx::query(AssertSqlSafe(format!("UPDATE {table} SET last_used = $1 WHERE id = $2")))
            .bind(micros(now))
            .bind(id)
            .execute(&mut *writing.transaction)
            .await?;
        writing.commit().await
    }
}

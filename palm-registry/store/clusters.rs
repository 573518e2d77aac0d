//! The row of a cluster, and the lock that it is.

use jiff::Timestamp;
use sqlx::FromRow;

use super::events::Happening;
use super::{Store, StoreError, User, Writing, count, micros, text};
use crate::cluster::{ClusterFile, Placement};

/// A cluster as it is kept.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct ClusterRow {
    pub(crate) id: i64,
    pub(crate) key: String,
    pub(crate) alias: String,
    pub(crate) file: String,
    pub(crate) created: i64,
    pub(crate) user_id: i64,
    placement: String,
    pub(super) last_line: i64,
    pub(super) log_bytes: i64,
}

impl ClusterRow {
    /// What its file means. It was checked when it came in.
    pub(crate) fn cluster_file(&self) -> Result<ClusterFile, StoreError> {
        Ok(ClusterFile::parse(&self.file)?)
    }

    /// What lies where.
    pub(crate) fn placement(&self) -> Result<Placement, StoreError> {
        if self.placement.is_empty() {
            return Ok(Placement::default());
        }
        serde_json::from_str(&self.placement).map_err(|source| StoreError::Placement { key: self.key.clone(), source })
    }
}

impl Store {
    /// Makes a cluster out of a file that is right.
    pub(crate) async fn add_cluster(
        &self,
        user: &User,
        key: &str,
        alias: &str,
        file: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        ClusterFile::parse(file)?;
        let mut writing = self.write().await?;
        let made: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO clusters (key, alias, file, created, user_id, placement, last_line, log_bytes) \
             SELECT $1, $2, $3, $4, $5, '', 0, 0 WHERE (SELECT COUNT(*) FROM clusters WHERE user_id = $5) < $6 \
             ON CONFLICT (key) DO NOTHING RETURNING id",
        )
        .bind(text(key).into_owned())
        .bind(text(alias).into_owned())
        .bind(text(file).into_owned())
        .bind(micros(now))
        .bind(user.id)
        .bind(count(self.limits.clusters))
        .fetch_optional(&mut *writing.transaction)
        .await?;
        let Some((id,)) = made else {
            let taken: Option<(i64,)> = sqlx::query_as("SELECT id FROM clusters WHERE key = $1")
                .bind(text(key).into_owned())
                .fetch_optional(&mut *writing.transaction)
                .await?;
            return Err(match taken {
                Some(_) => StoreError::KeyTaken,
                None => StoreError::Full { what: "clusters of this user", limit: self.limits.clusters },
            });
        };
        writing.happened(id, &Happening { user: Some(&user.name), ..Happening::new("created", now) }).await?;
        writing.record(&user.name, "cluster created", key, now).await?;
        writing.commit().await
    }

    pub(crate) async fn clusters_of(&self, user: &User) -> Result<Vec<ClusterRow>, StoreError> {
        Ok(sqlx::query_as("SELECT * FROM clusters WHERE user_id = $1 ORDER BY id")
            .bind(user.id)
            .fetch_all(&self.pool)
            .await?)
    }

    pub(crate) async fn cluster(&self, key: &str) -> Result<ClusterRow, StoreError> {
        let row = sqlx::query_as("SELECT * FROM clusters WHERE key = $1").bind(text(key).into_owned());
        row.fetch_optional(&self.pool).await?.ok_or(StoreError::NoCluster)
    }

    /// The cluster, if it is that user's. What is somebody else's is answered as what is not there.
    pub(crate) async fn cluster_of(&self, key: &str, user: &User) -> Result<ClusterRow, StoreError> {
        let row = self.cluster(key).await?;
        if row.user_id == user.id { Ok(row) } else { Err(StoreError::NoCluster) }
    }

    /// Deletes a cluster with everything that was kept of it.
    pub(crate) async fn delete_cluster(&self, key: &str, user: &User, now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let gone = sqlx::query("DELETE FROM clusters WHERE key = $1 AND user_id = $2")
            .bind(text(key).into_owned())
            .bind(user.id)
            .execute(&mut *writing.transaction)
            .await?
            .rows_affected();
        if gone == 0 {
            return Err(StoreError::NoCluster);
        }
        writing.record(&user.name, "cluster deleted", key, now).await?;
        writing.commit().await
    }
}

impl Writing {
    /// The cluster, which nobody else changes until this transaction ends.
    pub(super) async fn lock(&mut self, key: &str) -> Result<ClusterRow, StoreError> {
        let row = sqlx::query_as("UPDATE clusters SET last_line = last_line WHERE key = $1 RETURNING *")
            .bind(text(key).into_owned());
        row.fetch_optional(&mut *self.transaction).await?.ok_or(StoreError::NoCluster)
    }

    pub(super) async fn place(&mut self, row: &ClusterRow, placement: &Placement) -> Result<(), StoreError> {
        let json = serde_json::to_string(placement)
            .map_err(|source| StoreError::Placement { key: row.key.clone(), source })?;
        sqlx::query("UPDATE clusters SET placement = $1 WHERE id = $2")
            .bind(json)
            .bind(row.id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

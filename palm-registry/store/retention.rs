//! What is too old or too much goes.

use jiff::Timestamp;

use super::{Store, StoreError, count, micros, span};

impl Store {
    /// Deletes what is beyond the limits.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        sqlx::query("DELETE FROM sessions WHERE seen <= $1 OR created <= $2")
            .bind(self.idle_since(now))
            .bind(self.aged_since(now))
            .execute(&mut *writing.transaction)
            .await?;
        sqlx::query("DELETE FROM audit WHERE id <= (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET $1)")
            .bind(count(self.limits.audit))
            .execute(&mut *writing.transaction)
            .await?;
        sqlx::query("DELETE FROM metrics WHERE at < $1")
            .bind(micros(now).saturating_sub(span(self.limits.metric_age)))
            .execute(&mut *writing.transaction)
            .await?;
        writing.commit().await?;
        let clusters: Vec<(String,)> = sqlx::query_as("SELECT key FROM clusters").fetch_all(&self.pool).await?;
        for (key,) in clusters {
            self.sweep_cluster(&key, now).await?;
        }
        Ok(())
    }

    async fn sweep_cluster(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let cluster = match writing.lock(key).await {
            Err(StoreError::NoCluster) => return Ok(()),
            cluster => cluster?,
        };
        for (statement, limit) in [
            (
                "DELETE FROM events WHERE cluster_id = $1 AND id <= \
                 (SELECT id FROM events WHERE cluster_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
                self.limits.events,
            ),
            (
                "DELETE FROM metrics WHERE cluster_id = $1 AND id <= \
                 (SELECT id FROM metrics WHERE cluster_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
                self.limits.metrics,
            ),
        ] {
            sqlx::query(statement).bind(cluster.id).bind(count(limit)).execute(&mut *writing.transaction).await?;
        }
        let old = sqlx::query("DELETE FROM logs WHERE cluster_id = $1 AND received < $2")
            .bind(cluster.id)
            .bind(micros(now).saturating_sub(span(self.limits.log_age)))
            .execute(&mut *writing.transaction)
            .await?
            .rows_affected();
        if old > 0 {
            sqlx::query(
                "UPDATE clusters SET log_bytes = (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM logs WHERE cluster_id = $1) \
                 WHERE id = $1",
            )
            .bind(cluster.id)
            .execute(&mut *writing.transaction)
            .await?;
        }
        writing.commit().await
    }
}

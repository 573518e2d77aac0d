//! What instances used over time.

use jiff::Timestamp;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, Writing, count, micros, text, timestamp};
use crate::api::{InstanceReport, Metric, State};

/// Which rows are asked for.
#[derive(Clone, Debug)]
pub(crate) struct MetricFilter {
    pub(crate) after: i64,
    pub(crate) instance: String,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) limit: i64,
}

#[derive(FromRow)]
struct MetricRow {
    id: i64,
    at: i64,
    node: String,
    instance: String,
    component: String,
    state: String,
    restarts: i64,
    cpu_percent: Option<f64>,
    rss_bytes: Option<i64>,
    stats: Option<String>,
}

impl From<MetricRow> for Metric {
    fn from(row: MetricRow) -> Self {
        Self {
            id: row.id,
            at: timestamp(row.at),
            node: row.node.parse().unwrap_or_default(),
            instance: row.instance,
            component: row.component,
            state: row.state.parse().unwrap_or(State::Stopped),
            restarts: row.restarts.unsigned_abs(),
            cpu_percent: row.cpu_percent,
            rss_bytes: row.rss_bytes.map(i64::unsigned_abs),
            stats: row.stats.and_then(|stats| serde_json::from_str(&stats).ok()),
        }
    }
}

impl Store {
    /// Rows in order.
    pub(crate) async fn metrics(&self, cluster: i64, filter: &MetricFilter) -> Result<Vec<Metric>, StoreError> {
        let rows: Vec<MetricRow> = sqlx::query_as(
            "SELECT * FROM metrics WHERE cluster_id = $1 AND id > $2 AND ($3 = '' OR instance = $3) AND at >= $4 AND at < $5 \
             ORDER BY id LIMIT $6",
        )
        .bind(cluster)
        .bind(filter.after)
        .bind(text(&filter.instance).into_owned())
        .bind(filter.from)
        .bind(filter.to)
        .bind(filter.limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Metric::from).collect())
    }
}

impl Writing {
    /// Keeps what an instance uses: one row an interval, however often its runner reports.
    pub(super) async fn measure(
        &mut self,
        cluster: i64,
        node: Uuid,
        component: &str,
        report: &InstanceReport,
        (interval, now): (std::time::Duration, Timestamp),
    ) -> Result<(), StoreError> {
        if report.cpu_percent.is_none() && report.rss_bytes.is_none() && report.stats.is_none() {
            return Ok(());
        }
        let interval = super::span(interval).max(1);
        sqlx::query(
            "INSERT INTO metrics (cluster_id, at, node, instance, component, state, restarts, cpu_percent, rss_bytes, stats) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .bind(cluster)
        .bind(micros(now) / interval * interval)
        .bind(node.to_string())
        .bind(text(&report.name).into_owned())
        .bind(text(component).into_owned())
        .bind(report.state.name())
        .bind(count(report.restarts))
        .bind(report.cpu_percent)
        .bind(report.rss_bytes.map(count))
        .bind(report.stats.as_ref().map(ToString::to_string))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}

//! Nodes, and when they were heard of.

use jiff::Timestamp;
use sqlx::FromRow;
use uuid::Uuid;

use super::clusters::ClusterRow;
use super::{Store, StoreError, Writing, count, micros, text, text_or_null, timestamp};
use crate::api::Node;
use crate::cluster::{self, Placement};

/// A node as it is kept.
#[derive(Clone, Debug, FromRow)]
pub(super) struct NodeRow {
    id: String,
    ip: String,
    processors: i64,
    ports_from: i64,
    name: Option<String>,
    runner: String,
    host: Option<String>,
    joined: i64,
    pub(super) seen: i64,
    pub(super) lease_ends: Option<i64>,
}

impl NodeRow {
    pub(super) fn id(&self) -> Uuid {
        self.id.parse().unwrap_or_default()
    }

    fn describe(self, placement: &Placement, now: Timestamp) -> Node {
        let id = self.id();
        let instances = placement.placed().iter().filter(|placed| placed.node == id).count();
        Node {
            id,
            ip: self.ip,
            processors: u32::try_from(self.processors).unwrap_or(u32::MAX),
            ports_from: u16::try_from(self.ports_from).unwrap_or(u16::MAX),
            name: self.name,
            runner: self.runner,
            host: self.host,
            joined: timestamp(self.joined),
            last_seen: timestamp(self.seen),
            alive: self.lease_ends.is_some_and(|end| end > micros(now)),
            instances: u32::try_from(instances).unwrap_or(u32::MAX),
        }
    }
}

/// What a runner says of itself beside where it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Runner<'a> {
    pub(super) version: &'a str,
    pub(super) host: Option<&'a str>,
    /// Old runners have no lease.
    pub(super) lease_ends: Option<Timestamp>,
}

impl Store {
    /// Nodes in the order in which they joined.
    pub(crate) async fn nodes(&self, cluster: &ClusterRow, now: Timestamp) -> Result<Vec<Node>, StoreError> {
        let placement = cluster.placement()?;
        let rows: Vec<NodeRow> = sqlx::query_as("SELECT * FROM nodes WHERE cluster_id = $1 ORDER BY joined, id")
            .bind(cluster.id)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|row| row.describe(&placement, now)).collect())
    }

    /// The registry was away, not the nodes: each gets a whole lease to be heard of.
    pub(crate) async fn renew_leases(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        sqlx::query("UPDATE nodes SET lease_ends = $1 WHERE lease_ends IS NOT NULL")
            .bind(micros(now).saturating_add(super::span(self.limits.lease)))
            .execute(&mut *writing.transaction)
            .await?;
        writing.commit().await
    }
}

impl Writing {
    pub(super) async fn node(&mut self, cluster: i64, id: Uuid) -> Result<Option<NodeRow>, StoreError> {
        Ok(sqlx::query_as("SELECT * FROM nodes WHERE cluster_id = $1 AND id = $2")
            .bind(cluster)
            .bind(id.to_string())
            .fetch_optional(&mut *self.transaction)
            .await?)
    }

    /// Keeps a node that was heard of now. Those that hold nothing make room for it.
    pub(super) async fn keep_node(
        &mut self,
        cluster: i64,
        node: &cluster::Node,
        runner: Runner<'_>,
        placement: &mut Placement,
        (limit, now): (u64, Timestamp),
    ) -> Result<(), StoreError> {
        if self.node(cluster, node.id).await?.is_none() {
            self.make_room(cluster, placement, limit).await?;
        }
        sqlx::query(
            "INSERT INTO nodes (cluster_id, id, ip, processors, ports_from, name, runner, host, joined, seen, lease_ends) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10) ON CONFLICT (cluster_id, id) DO UPDATE SET ip = excluded.ip, \
             processors = excluded.processors, ports_from = excluded.ports_from, name = excluded.name, runner = excluded.runner, \
             host = excluded.host, seen = excluded.seen, lease_ends = excluded.lease_ends",
        )
        .bind(cluster)
        .bind(node.id.to_string())
        .bind(text(&node.ip).into_owned())
        .bind(i64::from(node.processors))
        .bind(i64::from(node.ports_from))
        .bind(text_or_null(node.name.as_deref()))
        .bind(text(runner.version).into_owned())
        .bind(text_or_null(runner.host))
        .bind(micros(now))
        .bind(runner.lease_ends.map(micros))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn make_room(&mut self, cluster: i64, placement: &mut Placement, limit: u64) -> Result<(), StoreError> {
        let rows: Vec<NodeRow> = sqlx::query_as("SELECT * FROM nodes WHERE cluster_id = $1")
            .bind(cluster)
            .fetch_all(&mut *self.transaction)
            .await?;
        if count(rows.len() as u64) < count(limit) {
            return Ok(());
        }
        let idle = rows.iter().filter(|row| row.lease_ends.is_none()).map(NodeRow::id);
        let idle: Vec<Uuid> = idle.filter(|id| placement.placed().iter().all(|placed| placed.node != *id)).collect();
        if idle.is_empty() {
            return Err(StoreError::Full { what: "nodes in this cluster", limit });
        }
        for id in idle {
            placement.forget(id);
            self.drop_node(cluster, id).await?;
        }
        Ok(())
    }

    pub(super) async fn hear_of(
        &mut self,
        cluster: i64,
        id: Uuid,
        now: Timestamp,
        lease_ends: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE nodes SET seen = $1, lease_ends = $2 WHERE cluster_id = $3 AND id = $4")
            .bind(micros(now))
            .bind(lease_ends)
            .bind(cluster)
            .bind(id.to_string())
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Nodes whose lease has ended; they have none from now on.
    pub(super) async fn lose_nodes(&mut self, cluster: i64, now: Timestamp) -> Result<Vec<NodeRow>, StoreError> {
        Ok(sqlx::query_as("UPDATE nodes SET lease_ends = NULL WHERE cluster_id = $1 AND lease_ends < $2 RETURNING *")
            .bind(cluster)
            .bind(micros(now))
            .fetch_all(&mut *self.transaction)
            .await?)
    }

    pub(super) async fn drop_node(&mut self, cluster: i64, id: Uuid) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM nodes WHERE cluster_id = $1 AND id = $2",
            "DELETE FROM reports WHERE cluster_id = $1 AND node = $2",
        ] {
            sqlx::query(statement).bind(cluster).bind(id.to_string()).execute(&mut *self.transaction).await?;
        }
        Ok(())
    }

    pub(super) async fn drop_nodes(&mut self, cluster: i64) -> Result<(), StoreError> {
        for statement in ["DELETE FROM nodes WHERE cluster_id = $1", "DELETE FROM reports WHERE cluster_id = $1"] {
            sqlx::query(statement).bind(cluster).execute(&mut *self.transaction).await?;
        }
        Ok(())
    }
}

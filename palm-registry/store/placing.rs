//! Nodes that join, are heard of and leave, and what they get.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::events::Happening;
use super::nodes::Runner;
use super::{Store, StoreError, User, Writing, micros};
use crate::api::{Assignment, Heartbeat, Instance, InstanceReport, NodeJoin, State};
use crate::cluster::{Node, NodeFile, Placement};

/// State changes that one heartbeat may tell of.
const CHANGES: u64 = 10_000;
/// Longest reason that is kept, in characters.
const REASON: usize = 4_096;
/// Longest name of an instance that is kept.
const NAME: usize = 512;
/// Most that is kept of what a component counts, in bytes of JSON.
const STATS: usize = 64 << 10;

impl Store {
    /// A runner joins, or comes back and gets what it had.
    pub(crate) async fn join(&self, key: &str, join: &NodeJoin, now: Timestamp) -> Result<Assignment, StoreError> {
        let node = Node::try_from(join)?;
        let mut writing = self.write().await?;
        let cluster = writing.lock(key).await?;
        let (file, before) = (cluster.cluster_file()?, cluster.placement()?);
        let mut placement = before.clone();
        let instances = placement.place(&file, &node)?;
        let known = writing.node(cluster.id, node.id).await?;
        if known.is_none_or(|row| row.lease_ends.is_none()) {
            writing.happened(cluster.id, &Happening { node: Some(node.id), ..Happening::new("joined", now) }).await?;
        }
        let runner =
            Runner { version: &join.runner, host: join.host.as_deref(), lease_ends: Some(self.lease_ends(now)) };
        writing.keep_node(cluster.id, &node, runner, &mut placement, (self.limits.nodes, now)).await?;
        writing.placed(cluster.id, &before, &placement, now).await?;
        writing.place(&cluster, &placement).await?;
        writing.commit().await?;
        Ok(self.assignment(instances))
    }

    /// A runner says how its instances are. What has become free in the meantime may be its own now.
    pub(crate) async fn heartbeat(
        &self,
        key: &str,
        id: Uuid,
        heartbeat: &Heartbeat,
        now: Timestamp,
    ) -> Result<Assignment, StoreError> {
        if heartbeat.events.len() as u64 > CHANGES {
            return Err(StoreError::Full { what: "state changes in one heartbeat", limit: CHANGES });
        }
        let mut writing = self.write().await?;
        let cluster = writing.lock(key).await?;
        let (file, before) = (cluster.cluster_file()?, cluster.placement()?);
        let node = before.node(id).cloned().ok_or(StoreError::NoNode)?;
        let row = writing.node(cluster.id, id).await?.ok_or(StoreError::NoNode)?;
        if row.lease_ends.is_none() {
            let event =
                Happening { node: Some(id), reason: Some("it is heard of again"), ..Happening::new("joined", now) };
            writing.happened(cluster.id, &event).await?;
        }
        writing.hear_of(cluster.id, id, now, micros(self.lease_ends(now))).await?;
        writing.keep_changes(cluster.id, &before, id, heartbeat).await?;
        for report in &heartbeat.instances {
            let Some(placed) = before.placed().iter().find(|placed| placed.node == id && placed.name == report.name)
            else {
                continue;
            };
            let report = bounded(report);
            writing.keep_report(cluster.id, id, &report).await?;
            writing.measure(cluster.id, id, &placed.component, &report, (self.limits.metric_interval, now)).await?;
        }
        let mut placement = before.clone();
        let instances = placement.place(&file, &node).unwrap_or_else(|error| {
            tracing::warn!(cluster = key, node = %id, %error, "a node takes no more");
            before.instances_of(&file, id)
        });
        if placement != before {
            writing.placed(cluster.id, &before, &placement, now).await?;
            writing.place(&cluster, &placement).await?;
        }
        writing.commit().await?;
        Ok(self.assignment(instances))
    }

    /// A node is not there any more: what it ran is free for others.
    pub(crate) async fn leave(&self, key: &str, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let cluster = writing.lock(key).await?;
        let mut placement = cluster.placement()?;
        if !placement.forget(id) {
            return Err(StoreError::NoNode);
        }
        writing.drop_node(cluster.id, id).await?;
        writing.happened(cluster.id, &Happening { node: Some(id), ..Happening::new("left", now) }).await?;
        writing.place(&cluster, &placement).await?;
        writing.commit().await
    }

    /// The commands of an old runner.
    pub(crate) async fn node_config(
        &self,
        key: &str,
        node: &NodeFile,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let node = node.node();
        let mut writing = self.write().await?;
        let cluster = writing.lock(key).await?;
        let (file, before) = (cluster.cluster_file()?, cluster.placement()?);
        let mut placement = before.clone();
        let instances = placement.place_unnamed(&file, &node)?;
        if writing.node(cluster.id, node.id).await?.is_none() {
            writing.happened(cluster.id, &Happening { node: Some(node.id), ..Happening::new("joined", now) }).await?;
        }
        writing.keep_node(cluster.id, &node, Runner::default(), &mut placement, (self.limits.nodes, now)).await?;
        writing.placed(cluster.id, &before, &placement, now).await?;
        writing.place(&cluster, &placement).await?;
        writing.commit().await?;
        Ok(instances.into_iter().map(|instance| instance.command).collect())
    }

    /// Takes everything off the nodes. Runners join again and get it anew.
    pub(crate) async fn reset(&self, key: &str, user: &User, now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let cluster = writing.lock(key).await?;
        if cluster.user_id != user.id {
            return Err(StoreError::NoCluster);
        }
        let mut placement = cluster.placement()?;
        placement.reset();
        writing.drop_nodes(cluster.id).await?;
        writing.happened(cluster.id, &Happening { user: Some(&user.name), ..Happening::new("reset", now) }).await?;
        writing.record(&user.name, "cluster reset", key, now).await?;
        writing.place(&cluster, &placement).await?;
        writing.commit().await
    }

    /// Asks for a restart of an instance; whether there is one of that name.
    pub(crate) async fn restart(
        &self,
        key: &str,
        user: &User,
        instance: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let cluster = writing.lock(key).await?;
        if cluster.user_id != user.id {
            return Err(StoreError::NoCluster);
        }
        let mut placement = cluster.placement()?;
        if !placement.restart(instance) {
            return Ok(false);
        }
        let event = Happening { instance: Some(instance), user: Some(&user.name), ..Happening::new("restart", now) };
        writing.happened(cluster.id, &event).await?;
        writing.record(&user.name, "instance restarted", instance, now).await?;
        writing.place(&cluster, &placement).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Says that the instances of nodes whose lease has ended are lost.
    pub(crate) async fn expire(&self, now: Timestamp) -> Result<(), StoreError> {
        let late: Vec<(String,)> = sqlx::query_as(
            "SELECT DISTINCT clusters.key FROM clusters JOIN nodes ON nodes.cluster_id = clusters.id WHERE lease_ends < $1",
        )
        .bind(micros(now))
        .fetch_all(&self.pool)
        .await?;
        for (key,) in late {
            let mut writing = self.write().await?;
            let cluster = match writing.lock(&key).await {
                Err(StoreError::NoCluster) => continue,
                cluster => cluster?,
            };
            let placement = cluster.placement()?;
            let reports = writing.reports(cluster.id).await?;
            for node in writing.lose_nodes(cluster.id, now).await? {
                let id = node.id();
                let reason = format!("its node was not heard of since {}", super::timestamp(node.seen));
                tracing::warn!(cluster = key, node = %id, "a node is lost");
                let event = Happening { node: Some(id), reason: Some(&reason), ..Happening::new("lost", now) };
                writing.happened(cluster.id, &event).await?;
                for placed in placement.placed().iter().filter(|placed| placed.node == id) {
                    let before = reports.get(&(placed.name.clone(), id));
                    let event = Happening {
                        instance: Some(&placed.name),
                        component: Some(&placed.component),
                        from: before.map(|report| report.state),
                        to: Some(State::Lost),
                        ..event.clone()
                    };
                    writing.happened(cluster.id, &event).await?;
                    writing.keep_report(cluster.id, id, &lost(&placed.name, before, &reason, now)).await?;
                }
            }
            writing.commit().await?;
        }
        Ok(())
    }

    fn lease_ends(&self, now: Timestamp) -> Timestamp {
        let lease = SignedDuration::try_from(self.limits.lease).unwrap_or(SignedDuration::MAX);
        now.checked_add(lease).unwrap_or(Timestamp::MAX)
    }

    fn assignment(&self, instances: Vec<Instance>) -> Assignment {
        let lease_seconds = u32::try_from(self.limits.lease.as_secs()).unwrap_or(u32::MAX).max(1);
        Assignment { lease_seconds, instances }
    }
}

impl Writing {
    /// Says what has been placed in between.
    async fn placed(
        &mut self,
        cluster: i64,
        before: &Placement,
        after: &Placement,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let old: HashSet<(&str, Uuid)> =
            before.placed().iter().map(|placed| (placed.name.as_str(), placed.node)).collect();
        for placed in after.placed().iter().filter(|placed| !old.contains(&(placed.name.as_str(), placed.node))) {
            let event = Happening {
                instance: Some(&placed.name),
                component: Some(&placed.component),
                node: Some(placed.node),
                ..Happening::new("placed", now)
            };
            self.happened(cluster, &event).await?;
        }
        Ok(())
    }

    async fn keep_changes(
        &mut self,
        cluster: i64,
        placement: &Placement,
        node: Uuid,
        heartbeat: &Heartbeat,
    ) -> Result<(), StoreError> {
        for change in &heartbeat.events {
            let placed = placement.placed().iter().find(|placed| placed.name == change.instance);
            let reason = change.reason.as_deref().map(|reason| beginning(reason, REASON));
            let event = Happening {
                instance: Some(beginning(&change.instance, NAME)),
                component: placed.map(|placed| placed.component.as_str()),
                node: Some(node),
                from: Some(change.from),
                to: Some(change.to),
                reason,
                exit_code: change.exit_code,
                signal: change.signal,
                ..Happening::new("state", change.at)
            };
            self.happened(cluster, &event).await?;
        }
        Ok(())
    }
}

fn beginning(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// What a runner says has the length that it says; what is kept has not.
fn bounded(report: &InstanceReport) -> InstanceReport {
    let mut report = report.clone();
    report.reason = report.reason.map(|reason| beginning(&reason, REASON).to_owned());
    if report.stats.as_ref().is_some_and(|stats| stats.to_string().len() > STATS) {
        tracing::warn!(instance = report.name, limit = STATS, "what a component counts is too long to be kept");
        report.stats = None;
    }
    report
}

fn lost(name: &str, before: Option<&InstanceReport>, reason: &str, now: Timestamp) -> InstanceReport {
    let before = before.cloned();
    InstanceReport {
        name: name.to_owned(),
        state: State::Lost,
        since: now,
        pid: None,
        restarts: before.as_ref().map_or(0, |report| report.restarts),
        exit_code: before.as_ref().and_then(|report| report.exit_code),
        signal: before.as_ref().and_then(|report| report.signal),
        reason: Some(reason.to_owned()),
        next_retry: None,
        cpu_percent: None,
        rss_bytes: None,
        stats: before.and_then(|report| report.stats),
    }
}

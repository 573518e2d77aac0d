//! What runners said last of each instance.

use std::collections::HashMap;

use uuid::Uuid;

use super::clusters::ClusterRow;
use super::{Store, StoreError, Writing};
use crate::api::{Cluster, ClusterState, InstanceReport, PlacedInstance, State};

/// Reports by instance and node: what another node said of an instance, before it was placed anew, is none.
pub(super) type Reports = HashMap<(String, Uuid), InstanceReport>;

fn reports(rows: Vec<(String, String, String)>) -> Reports {
    let one = |(instance, node, report): (String, String, String)| {
        Some(((instance, node.parse().ok()?), serde_json::from_str(&report).ok()?))
    };
    rows.into_iter().filter_map(one).collect()
}

const OF_CLUSTER: &str = "SELECT instance, node, report FROM reports WHERE cluster_id = $1";

impl Store {
    /// Everything that is placed, with what is known of it.
    pub(crate) async fn instances(&self, cluster: &ClusterRow) -> Result<Vec<PlacedInstance>, StoreError> {
        let rows = sqlx::query_as(OF_CLUSTER).bind(cluster.id).fetch_all(&self.pool).await?;
        let mut reports = reports(rows);
        let (file, placement) = (cluster.cluster_file()?, cluster.placement()?);
        let nodes: HashMap<&str, Uuid> =
            placement.placed().iter().map(|placed| (placed.name.as_str(), placed.node)).collect();
        let describe = |instance: crate::api::Instance| {
            let node = nodes.get(instance.name.as_str()).copied().unwrap_or_default();
            PlacedInstance {
                report: reports.remove(&(instance.name.clone(), node)),
                ip: placement.node(node).map(|node| node.ip.clone()).unwrap_or_default(),
                node,
                name: instance.name,
                component: instance.component,
                command: instance.command,
            }
        };
        Ok(placement.instances(&file).into_iter().map(describe).collect())
    }

    /// How a cluster is; with its file and addresses if they are wanted.
    pub(crate) async fn describe(&self, row: &ClusterRow, whole: bool) -> Result<Cluster, StoreError> {
        let (file, placement) = (row.cluster_file()?, row.placement()?);
        let instances = self.instances(row).await?;
        let wanted = file.wanted();
        let states: Vec<Option<State>> =
            instances.iter().map(|instance| instance.report.as_ref().map(|report| report.state)).collect();
        Ok(Cluster {
            key: row.key.clone(),
            alias: row.alias.clone(),
            created: super::timestamp(row.created),
            state: state(&states, wanted),
            wanted,
            placed: states.len() as u64,
            running: states.iter().filter(|state| **state == Some(State::Running)).count() as u64,
            nodes: placement.nodes().count() as u64,
            file: whole.then(|| row.file.clone()),
            addresses: if whole { placement.addresses().into_iter().collect() } else { Default::default() },
        })
    }
}

/// Instances of old runners say nothing: nothing is known to be wrong with them.
fn state(states: &[Option<State>], wanted: u64) -> ClusterState {
    let any = |wanted: fn(State) -> bool| states.iter().flatten().any(|state| wanted(*state));
    let lives =
        |state: &Option<State>| !matches!(state, Some(State::Lost | State::Fatal | State::Exited | State::Stopped));
    if states.is_empty() {
        ClusterState::Empty
    } else if any(|state| state == State::Fatal) || !states.iter().any(lives) {
        ClusterState::Failed
    } else if (states.len() as u64) < wanted {
        ClusterState::Partial
    } else if any(|state| state != State::Running) {
        ClusterState::Degraded
    } else {
        ClusterState::Ready
    }
}

impl Writing {
    pub(super) async fn reports(&mut self, cluster: i64) -> Result<Reports, StoreError> {
        let rows = sqlx::query_as(OF_CLUSTER).bind(cluster).fetch_all(&mut *self.transaction).await?;
        Ok(reports(rows))
    }

    pub(super) async fn keep_report(
        &mut self,
        cluster: i64,
        node: Uuid,
        report: &InstanceReport,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(report)
            .map_err(|source| StoreError::Placement { key: report.name.clone(), source })?;
        sqlx::query(
            "INSERT INTO reports (cluster_id, instance, node, report) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (cluster_id, instance) DO UPDATE SET node = excluded.node, report = excluded.report",
        )
        .bind(cluster)
        .bind(super::text(&report.name).into_owned())
        .bind(node.to_string())
        .bind(json)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_as_its_instances_are() {
        use State::{Backoff, Fatal, Lost, Running};
        for (states, wanted, expected) in [
            (&[][..], 2, ClusterState::Empty),
            (&[Some(Running)], 2, ClusterState::Partial),
            (&[None, None], 2, ClusterState::Ready),
            (&[Some(Running), None], 2, ClusterState::Ready),
            (&[Some(Running), Some(Backoff)], 2, ClusterState::Degraded),
            (&[Some(Running), Some(Lost)], 2, ClusterState::Degraded),
            (&[Some(Running), Some(Fatal)], 2, ClusterState::Failed),
            (&[Some(Lost), Some(Lost)], 2, ClusterState::Failed),
        ] {
            assert_eq!(state(states, wanted), expected, "{states:?}");
        }
    }
}

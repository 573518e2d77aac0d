use jiff::Timestamp;
use palm_registry::api::PlacedInstance;
use serde_json::json;

use super::Look;
use crate::api_client::{ApiClient, ApiError};
use crate::cluster::path_of;
use crate::failure::Failure;
use crate::table::{Table, bytes};

/// The instances of a cluster, as their runners report them.
pub(super) struct Instances {
    client: ApiClient,
    path: String,
    /// The registry has answered before.
    reached: bool,
}

impl Instances {
    pub(super) fn of(client: ApiClient, key: &str) -> Self {
        Self { client, path: format!("{}/instances", path_of(key)), reached: false }
    }

    /// A registry that is away for a while is shown as such.
    pub(super) fn look(&mut self) -> Result<Look, Failure> {
        let instances: Vec<PlacedInstance> = match self.client.get(&self.path, &[]) {
            Err(error @ ApiError::Unreachable { .. }) if self.reached => {
                let (table, error) = (Table::new(&[&error.to_string()]), error.to_string());
                return Ok(Look { table, json: json!({ "at": Timestamp::now().to_string(), "error": error }) });
            }
            answer => answer?,
        };
        self.reached = true;
        let heads =
            ["INSTANCE", "IP", "STATE", ">CPU %", ">MEMORY", ">RESTARTS", ">IN", ">OUT", ">ERRORS", ">IN FLIGHT"];
        let mut table = Table::new(&heads);
        for instance in &instances {
            table.row(row(instance));
        }
        Ok(Look { table, json: json!({ "at": Timestamp::now().to_string(), "instances": instances }) })
    }
}

fn row(instance: &PlacedInstance) -> Vec<String> {
    let mut row = vec![instance.name.clone(), instance.ip.clone()];
    let Some(report) = &instance.report else {
        row.push("unknown".to_owned());
        return row;
    };
    row.push(report.state.to_string());
    row.push(report.cpu_percent.map(|percent| format!("{percent:.1}")).unwrap_or_default());
    row.push(report.rss_bytes.map(bytes).unwrap_or_default());
    row.push(report.restarts.to_string());
    let count = |key: &str| report.stats.as_ref().and_then(|stats| stats[key].as_u64());
    let counts = ["received", "sent", "errors", "in_flight"];
    row.extend(counts.map(|key| count(key).map(|count| count.to_string()).unwrap_or_default()));
    row
}

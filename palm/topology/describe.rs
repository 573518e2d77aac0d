//! A topology for people: log lines and graphs.

use super::outline::target;
use super::plan::Plan;

impl Plan {
    /// Logs the parts and their routes, as the documentation shows it.
    pub(crate) fn announce(&self) {
        tracing::info!("Starting the router");
        for part in self.parts.iter().filter(|part| part.inbound) {
            tracing::info!("Starting inbound part {}", part.name);
        }
        for part in self.parts.iter().filter(|part| !part.inbound) {
            tracing::info!("Starting outbound part {}", part.name);
        }
        for part in &self.bypasses {
            tracing::info!("Starting bypass part {}", part.name);
        }
        tracing::info!("Launch router");
        for part in &self.parts {
            let direction = if part.inbound { "Inbound" } else { "Outbound" };
            tracing::info!("{direction} {} connects to {}", part.name, target(part));
        }
    }

    /// The topology as a graph in Graphviz' DOT.
    #[must_use]
    pub fn to_dot(&self) -> String {
        self.outline().to_dot()
    }

    /// The topology as a Mermaid flowchart.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        self.outline().to_mermaid()
    }
}

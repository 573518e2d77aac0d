//! Which registry, and as whom.

use crate::api_client::ApiClient;

/// The registry that a command speaks to.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Access {
    /// Address of the registry
    #[arg(long, value_name = "URL", env = "PALM_REGISTRY", default_value = "http://127.0.0.1:8080")]
    pub(crate) registry: String,
    /// API key of a user of the registry
    #[arg(long, value_name = "KEY", env = "PALM_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
}

impl Access {
    pub(crate) fn client(&self) -> ApiClient {
        ApiClient::new(&self.registry, self.api_key.as_deref())
    }
}

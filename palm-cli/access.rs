//! Which registry, and as whom.

use std::path::PathBuf;

use crate::api_client::ApiClient;
use crate::failure::Failure;
use crate::trust::Trust;

/// The registry that a command speaks to.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Access {
    /// Address of the registry
    #[arg(long, value_name = "URL", env = "PALM_REGISTRY", default_value = "http://127.0.0.1:8080")]
    pub(crate) registry: String,
    /// API key of a user of the registry
    #[arg(long, value_name = "KEY", env = "PALM_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
    /// File of certificates, in PEM: with it only these, and whom they sign, are taken for the registry [default: whom the system trusts]
    #[arg(long, value_name = "FILE", env = "PALM_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Access {
    pub(crate) fn client(&self) -> Result<ApiClient, Failure> {
        let trust = Trust::of(self.ca_file.as_deref(), &self.registry)?;
        Ok(ApiClient::new(&self.registry, self.api_key.as_deref(), trust))
    }
}

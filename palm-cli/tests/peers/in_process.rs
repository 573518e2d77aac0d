//! A registry in this process, with a user.

use palm_registry::{Service, Settings, add_user};
use tokio::runtime::Runtime;

pub(crate) struct InProcess {
    runtime: Runtime,
    service: Option<Service>,
    settings: Settings,
    /// An API key of the user.
    pub(crate) key: String,
}

impl InProcess {
    pub(crate) fn start(settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut registry = Self { runtime, service: None, settings, key: String::new() };
        registry.start_again();
        let add = add_user(&registry.settings.database, "ann", "correct horse battery", true);
        registry.key = registry.runtime.block_on(add).unwrap();
        registry
    }

    pub(crate) fn stop(&mut self) {
        if let Some(service) = self.service.take() {
            self.runtime.block_on(service.shutdown());
        }
    }

    /// The same one, at the same address.
    pub(crate) fn start_again(&mut self) {
        let service = self.runtime.block_on(Service::start(self.settings.clone())).unwrap();
        self.settings.listen = service.address();
        self.service = Some(service);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.settings.listen)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.stop();
    }
}

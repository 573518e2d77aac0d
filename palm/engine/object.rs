//! The user's object, as the engine holds it.

use std::ops::Deref;
use std::sync::Arc;

use crate::service::Service;

/// Alone, or where calls of methods that take `&self` share it.
///
/// There is no lock: who may hold it is the engine's decision. A call that has it for itself takes it out of the engine, the
/// others take a reference each.
pub(crate) enum Object {
    Alone(Box<dyn Service>),
    Shared(Arc<dyn Service + Sync>),
}

impl Object {
    /// One more reference, if it can be shared.
    pub(super) fn share(&self) -> Option<Self> {
        match self {
            Self::Alone(_) => None,
            Self::Shared(service) => Some(Self::Shared(service.clone())),
        }
    }

    pub(super) const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// The object for one caller alone; `None` while another one has it.
    pub(super) fn alone(&mut self) -> Option<&mut dyn Service> {
        match self {
            Self::Alone(service) => Some(&mut **service),
            Self::Shared(service) => Arc::get_mut(service).map(|service| service as &mut dyn Service),
        }
    }
}

impl Deref for Object {
    type Target = dyn Service;

    fn deref(&self) -> &dyn Service {
        match self {
            Self::Alone(service) => &**service,
            Self::Shared(service) => &**service,
        }
    }
}

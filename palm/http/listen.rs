use super::door::Handler;
use super::limits::Limits;
use super::server::{Bound, Server};
use super::site::Site;
use crate::engine::Place;
use crate::error::Result;
use crate::part::Address;

/// Binds where a part was told to, by its address or by host and port, and serves what comes.
pub(super) fn listen(
    place: &mut dyn Place,
    site: &Listening,
    limits: &Limits,
    handler: impl Handler,
) -> Result<Server> {
    let refused = |place: &dyn Place, source| place.refused(&site.address.to_string(), source);
    let Site { host, port } = Site::of(&site.address).map_err(|source| refused(place, source))?;
    let site = Site { host: site.hostname.clone().unwrap_or(host), port: site.port.unwrap_or(port) };
    let address = site.address(limits.is_encrypted(), site.port);
    let address = place.to_bind(&address.into(), limits.protects())?;
    if let Some(problem) = limits.token.as_ref().and_then(|token| token.check().err()) {
        return Err(place.refused(&address, problem.into()));
    }
    #[cfg(feature = "tls")]
    let tls = super::tls::acceptor(limits).map_err(|source| place.refused(&address, source))?;
    #[cfg(not(feature = "tls"))]
    let tls = None;
    let bound = site.resolve().and_then(|addresses| Bound::bind(&addresses));
    let bound = bound.map_err(|source| place.refused(&address, source))?;
    let really = site.address(limits.is_encrypted(), bound.port);
    place.bound(None, &really);
    tracing::info!("Listening at {really}");
    Ok(bound.serve(tls, limits.max_connections, handler))
}

/// Where a part was told to listen.
#[derive(Debug, Clone, Default)]
pub(super) struct Listening {
    pub(super) address: Address,
    pub(super) hostname: Option<String>,
    pub(super) port: Option<u16>,
}

/// The setters of those who listen. The type has a field `site`.
macro_rules! site {
    ($name:ident) => {
        impl $name {
            /// The host to listen at, in place of the address's. Default: `127.0.0.1`.
            pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
                self.site.hostname = Some(hostname.into());
                self
            }

            /// The port to listen at, in place of the address's. Default: one of the system's choice.
            pub const fn port(mut self, port: u16) -> Self {
                self.site.port = Some(port);
                self
            }
        }
    };
}
pub(super) use site;

//! PALM over HTTP: services that are called, connections that call, and the gateway for whoever speaks plain HTTP.
//!
//! | part | direction | is |
//! | --- | --- | --- |
//! | [`HttpService`] | inbound | called with PALM messages; binds |
//! | [`HttpConnection`] | outbound, gives feedback | calls workers on the web; connects |
//! | [`GatewayRouter`] | inbound | brings a gateway's requests to the router |
//! | [`GatewayDealer`] | outbound | gives results to a gateway's requests |
//! | [`HttpGateway`] | bypass | called by whoever speaks HTTP; binds |
//!
//! [`HttpWorker`] is a component: methods for an [`HttpConnection`] to call, here or in pylm.
//!
//! Each part that speaks HTTP has two threads of its own for it. Encryption is in the feature `tls`, as `certificate(…)` of whatever
//! listens and `https://` of what connects.

mod caller;
mod connection;
mod connector;
mod door;
mod gateway;
mod limits;
mod listen;
mod server;
mod service;
mod site;
mod status;
mod threads;
#[cfg(feature = "tls")]
mod tls;
mod token;
mod waiting;
mod worker;

pub use connection::HttpConnection;
pub use gateway::{GatewayDealer, GatewayRouter, HttpGateway};
pub use limits::{BODIES_LIMIT, BODY_LIMIT, DEADLINE, MAX_CONNECTIONS, MAX_REQUESTS};
pub use service::HttpService;
pub use status::{Body, status};
#[cfg(feature = "tls")]
pub use tls::Certificate;
pub use worker::{HttpWorker, HttpWorkerService};

//! PALM over HTTP: services that are called, connections that call, and the gateway for whoever speaks plain HTTP.
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

//! The parts that components are made of: network cards at the router's switch.
//!
//! A part is a *service* (it binds) or a *connection* (it connects); *inbound*, *outbound*, or a *bypass* that the router
//! does not know. Each type says which by the traits [`Inbound`], [`Outbound`] and [`Bypass`].
//!
//! | part | direction | socket |
//! | --- | --- | --- |
//! | [`PullService`], [`WorkerPullService`] | inbound | PULL, binds |
//! | [`PullConnection`] | inbound | PULL, connects |
//! | [`SubConnection`] | inbound | SUB, connects |
//! | [`RepService`] | inbound, answers its peers | ROUTER, binds: for REQ peers |
//! | [`RepConnection`] | inbound, answers its peers | ROUTER, connects: to a REQ peer that binds |
//! | [`LinkService`] | inbound | the link, binds: workers of this library |
//! | [`LinkConnection`] | inbound, blocking | the link, connects: a worker's side of it |
//! | [`PushService`], [`WorkerPushService`] | outbound | PUSH, binds |
//! | [`PushConnection`] | outbound | PUSH, connects |
//! | [`PubService`] | outbound | PUB, binds |
//! | [`PushPullService`] | outbound, gives feedback | PUSH and PULL, binds both |
//! | [`ReqConnection`] | outbound, gives feedback | DEALER, connects: to a REP service |
//! | [`Methods`] | outbound, gives feedback | none: it runs the user's methods |
//! | [`CacheService`] | bypass | ROUTER, binds: for REQ peers |
//! | [`RepBypassService`] | bypass | ROUTER, binds: for REQ peers |
//! | [`PullBypassConnection`] | bypass | PULL, connects |
//! | [`PushBypassConnection`] | bypass | PUSH, connects |
//!
//! Those that speak HTTP are in `palm::http`.

mod address;
mod asked;
mod bypass;
mod cache;
mod dialer;
mod hooks;
mod link_connection;
mod link_service;
mod methods;
mod publish;
mod pull;
mod pull_bypass;
mod push;
mod push_bypass;
mod push_pull;
mod rep;
mod rep_bypass;
mod req;
mod sub;
mod upstream;
mod worker_ports;
mod worker_push;

#[doc(hidden)]
pub use crate::engine::Batch;
pub use crate::engine::{
    Bound, Contents, Envelope, Inlet, NotTaken, Opening, Origin, Part, PartId, Port, Transport, Turn,
};
pub use crate::runtime::Stop;
pub use crate::socket::{Incoming, Peer, Sender, Sent, SocketKind};
pub use address::Address;
pub(crate) use address::AddressKind;
pub use bypass::{BypassOpening, BypassPart};
pub use cache::CacheService;
pub use hooks::Hooks;
pub use link_connection::LinkConnection;
pub use link_service::LinkService;
pub use methods::Methods;
pub use publish::PubService;
pub use pull::{PullConnection, PullService, WorkerPullService};
pub use pull_bypass::PullBypassConnection;
pub use push::{PushConnection, PushService};
pub use push_bypass::{Feed, PushBypassConnection};
pub use push_pull::PushPullService;
pub use rep::{RepConnection, RepService};
pub use rep_bypass::RepBypassService;
pub use req::ReqConnection;
pub use sub::SubConnection;
pub use worker_push::WorkerPushService;

/// Made from an address: what `topology!` writes for `= "tcp://…"`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from an address",
    note = "a part in `topology!` implements `palm::part::FromAddress`"
)]
pub trait FromAddress: Sized {
    /// The part at that address, with its options at their defaults.
    fn at(address: Address) -> Self;
}

/// A part that brings messages from outside to the router.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an inbound part",
    note = "`palm::part` has a table of parts and their directions; one of your own implements `palm::part::Inbound`"
)]
pub trait Inbound: Part {
    /// Whether it binds its address (a service) or connects to it (a connection).
    const BINDS: bool;
    /// Cache key under which the address is published.
    const KEY: Option<&'static str> = None;
}

/// A part that takes messages from the router to the outside.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an outbound part",
    note = "`palm::part` has a table of parts and their directions; one of your own implements `palm::part::Outbound`"
)]
pub trait Outbound: Part {
    /// Whether it binds its address (a service) or connects to it (a connection).
    const BINDS: bool;
    /// Whether it hands something back to the router for each message: what is rerouted, or what a blocking inbound part
    /// waits for.
    const REPLIES: bool = false;
    /// Cache key under which the address is published.
    const KEY: Option<&'static str> = None;
}

/// A part that does its work beside the router, on a thread of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a bypass part",
    note = "`palm::part` has a table of parts and their directions; one of your own implements `palm::part::Bypass`"
)]
pub trait Bypass: BypassPart {
    /// Whether it binds its address (a service) or connects to it (a connection).
    const BINDS: bool;
    /// Cache key under which the address is published.
    const KEY: Option<&'static str> = None;
}

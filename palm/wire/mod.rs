//! Bytes in, values out: the PALM message and what it is made of.
//!
//! Nothing here knows sockets, parts or components.

mod budget;
mod code;
mod head;
mod header;
mod id;
mod message;
mod scan;
mod streams;

pub use code::Code;
pub use message::Message;
pub use proto::{Delivery, RemoteError};
pub use scan::DecodeError;

pub(crate) use budget::put_budget;
pub(crate) use head::{put_id, put_item_head, put_payload_head};
pub(crate) use header::Header;
pub(crate) use id::{Id, id_of, parts_of};
pub(crate) use scan::has_id;
pub(crate) use streams::Streams;

/// The generated types. [`Message`] is the form in which messages travel; these serve its parts and the tests.
#[expect(missing_docs, reason = "generated from proto/palm.proto")]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/palm.rs"));
}

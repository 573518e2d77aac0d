use bytes::Bytes;

use super::reply::Reply;
use crate::error::Result;
#[cfg(feature = "json")]
use crate::service::Json;
use crate::service::Proto;

/// What a reply can be read as, and what comes out: the inner value of [`Proto`] and `Json` (feature `json`); bytes and
/// text as they are; or a type of one's own.
///
/// ```
/// use palm::client::{FromReply, Reply};
///
/// #[derive(Debug, PartialEq)]
/// struct Celsius(f32);
///
/// impl FromReply for Celsius {
///     type Value = Self;
///
///     fn from_reply(reply: &Reply) -> palm::Result<Self> {
///         let degrees: &str = reply.to()?;
///         Ok(Self(degrees.parse().unwrap_or(f32::NAN)))
///     }
/// }
///
/// let reply = Reply::from(palm::Bytes::from("21.5"));
/// assert_eq!(Celsius::from_reply(&reply)?, Celsius(21.5));
/// assert_eq!(String::from_reply(&reply)?, "21.5");
/// # Ok::<(), palm::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a reply cannot be read as `{Self}`",
    note = "read it as `Json<T>`, `Proto<T>`, `String`, `Vec<u8>` or `palm::Bytes`, or implement `palm::client::FromReply`"
)]
pub trait FromReply {
    /// What the caller gets.
    type Value;

    /// Reads a reply.
    ///
    /// # Errors
    /// [`Error::Reply`](crate::Error::Reply) if it is no such thing.
    fn from_reply(reply: &Reply) -> Result<Self::Value>;
}

macro_rules! as_it_is {
    ($($type:ty),*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl FromReply for $type {
                type Value = Self;

                fn from_reply(reply: &Reply) -> Result<Self> {
                    reply.to()
                }
            }
        )*
    };
}

as_it_is!(Bytes, Vec<u8>, String);

#[diagnostic::do_not_recommend]
impl<T: prost::Message + Default> FromReply for Proto<T> {
    type Value = T;

    fn from_reply(reply: &Reply) -> Result<T> {
        reply.to::<Self>().map(|Self(value)| value)
    }
}

#[cfg(feature = "json")]
#[diagnostic::do_not_recommend]
impl<T: serde::de::DeserializeOwned> FromReply for Json<T> {
    type Value = T;

    fn from_reply(reply: &Reply) -> Result<T> {
        reply.to::<Self>().map(|Self(value)| value)
    }
}

use bytes::Bytes;

use crate::engine::link::SHARED_FROM;
#[cfg(feature = "json")]
use crate::error::Error;
use crate::error::Result;
#[cfg(feature = "json")]
use crate::service::Json;
use crate::service::Proto;

/// What a client can send: bytes and text of every kind, owned or borrowed; [`Proto`] and `Json` (feature `json`); or a
/// type of one's own that knows its bytes.
///
/// ```
/// use palm::client::IntoPayload;
///
/// struct Celsius(f32);
///
/// impl IntoPayload for Celsius {
///     fn into_payload(self) -> palm::Result<impl AsRef<[u8]> + Send> {
///         Ok(self.0.to_be_bytes())
///     }
/// }
///
/// assert_eq!(Celsius(1.0).into_payload()?.as_ref(), [0x3f, 0x80, 0, 0]);
/// assert_eq!("text".into_payload()?.as_ref(), b"text");
/// # Ok::<(), palm::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no payload",
    note = "send bytes or text, such as `&[u8]`, `Vec<u8>`, `&str`, `String`, `palm::Bytes`, or `Proto<T>` and `Json<T>`"
)]
pub trait IntoPayload {
    /// The bytes to be sent. Large ones of a job are not copied before they are sent.
    ///
    /// # Errors
    /// The value has no such form; nothing is sent then.
    fn into_payload(self) -> Result<impl AsRef<[u8]> + Send>;
}

impl<T: AsRef<[u8]> + Send> IntoPayload for T {
    fn into_payload(self) -> Result<impl AsRef<[u8]> + Send> {
        Ok(self)
    }
}

impl<T: prost::Message> IntoPayload for Proto<T> {
    fn into_payload(self) -> Result<impl AsRef<[u8]> + Send> {
        Ok(self.0.encode_to_vec())
    }
}

#[cfg(feature = "json")]
impl<T: serde::Serialize> IntoPayload for Json<T> {
    fn into_payload(self) -> Result<impl AsRef<[u8]> + Send> {
        serde_json::to_vec(&self.0).map_err(|error| Error::system("encode a payload as JSON", error))
    }
}

/// A payload on its way into a frame.
pub(super) enum Payload<'a> {
    /// It is copied.
    Copied(&'a [u8]),
    /// It is large, and stays where it is.
    Shared(Bytes),
}

impl Payload<'_> {
    /// Hands on the bytes of an item.
    pub(super) fn give(bytes: impl AsRef<[u8]> + Send + 'static, take: &mut dyn FnMut(Payload<'_>)) {
        if bytes.as_ref().len() < SHARED_FROM {
            take(Payload::Copied(bytes.as_ref()));
        } else {
            take(Payload::Shared(Bytes::from_owner(bytes)));
        }
    }
}

impl AsRef<[u8]> for Payload<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

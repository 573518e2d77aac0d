use std::any::type_name;
use std::fmt::{self, Write as _};
use std::ops::Deref;

use bytes::Bytes;

use super::answer::{Answer, Content};
use crate::error::{Error, Result};
use crate::service::FromPayload;

/// One result of a call, or a value of a cache: bytes. `{:?}` prints them as Python does.
///
/// ```
/// use palm::{Bytes, Reply};
///
/// let reply = Reply::from(Bytes::from("worker1 processed a message"));
/// assert_eq!(format!("{reply:?}"), "b'worker1 processed a message'");
/// assert_eq!(reply, "worker1 processed a message");
/// assert!(reply.starts_with(b"worker1"));
/// ```
#[derive(Clone, Default)]
pub struct Reply(Bytes);

impl Reply {
    /// The bytes, to be kept or sliced without a copy.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.0
    }

    /// The bytes as something else: what a method can take as its argument, such as `&str`, [`Proto`](crate::Proto) or
    /// `Json` (feature `json`).
    ///
    /// ```
    /// # use palm::{Bytes, Reply};
    /// let reply = Reply::from(Bytes::from("21.5"));
    /// assert_eq!(reply.to::<&str>()?, "21.5");
    /// # Ok::<(), palm::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Reply`] if they are no such thing.
    pub fn to<'a, T: FromPayload<'a>>(&'a self) -> Result<T> {
        T::from_payload(&self.0)
            .map_err(|refused| Error::Reply { wanted: type_name::<T>(), reason: refused.text().to_owned() })
    }

    /// What an answer comes to: the result, or the error that stands in its place; `None` if there is neither.
    #[inline]
    pub(super) fn of(answer: Answer) -> Option<Result<Self>> {
        match answer.content {
            Content::Result(payload) => Some(Ok(Self(payload))),
            Content::Error(error) => Some(Err(Error::Remote {
                component: error.component,
                method: error.method,
                code: error.code.into(),
                text: error.text,
                retryable: error.retryable,
            })),
            Content::Nothing => None,
        }
    }
}

impl Deref for Reply {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Reply {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Reply {
    fn eq(&self, other: &T) -> bool {
        &*self.0 == other.as_ref()
    }
}

impl Eq for Reply {}

impl From<Bytes> for Reply {
    fn from(payload: Bytes) -> Self {
        Self(payload)
    }
}

impl From<Reply> for Bytes {
    fn from(reply: Reply) -> Self {
        reply.0
    }
}

impl From<Reply> for Vec<u8> {
    fn from(reply: Reply) -> Self {
        reply.0.into()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains(&b'\'') && !self.0.contains(&b'"') { '"' } else { '\'' };
        write!(f, "b{quote}")?;
        for &byte in &self.0 {
            match byte {
                b'\t' => f.write_str("\\t")?,
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\\' => f.write_str("\\\\")?,
                b' '..=b'~' => {
                    let character = char::from(byte);
                    if character == quote {
                        f.write_char('\\')?;
                    }
                    f.write_char(character)?;
                }
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_char(quote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_printed_as_python_prints_them() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "b''"),
            (b"a\\b\t\r\n", r"b'a\\b\t\r\n'"),
            (b"\x00\x1f\x7f\xff", r"b'\x00\x1f\x7f\xff'"),
            (b"it's", r#"b"it's""#),
            (b"\"", r#"b'"'"#),
            (b"'\"", r#"b'\'"'"#),
            ("é".as_bytes(), r"b'\xc3\xa9'"),
        ];
        for (bytes, printed) in cases {
            assert_eq!(format!("{:?}", Reply(Bytes::from_static(bytes))), printed);
        }
    }
}

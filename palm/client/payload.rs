use crate::error::Result;

/// What a client can send: bytes and text of every kind, owned or borrowed; or a type of one's own that knows its bytes.
///
/// ```
/// use palm::client::IntoPayload;
///
/// struct Celsius(f32);
///
/// impl IntoPayload for Celsius {
///     fn into_payload(self) -> palm::Result<impl AsRef<[u8]>> {
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
    note = "send bytes or text, such as `&[u8]`, `Vec<u8>`, `&str`, `String`, `palm::Bytes`"
)]
pub trait IntoPayload {
    /// The bytes to be sent.
    ///
    /// # Errors
    /// The value has no such form; nothing is sent then.
    fn into_payload(self) -> Result<impl AsRef<[u8]>>;
}

impl<T: AsRef<[u8]>> IntoPayload for T {
    fn into_payload(self) -> Result<impl AsRef<[u8]>> {
        Ok(self)
    }
}

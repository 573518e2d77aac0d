//! What a method takes: arguments made from the payload.

use std::fmt;

use bytes::Bytes;

/// An argument made from the payload of a call.
///
/// `&[u8]`, `&str` and `&Bytes` borrow it, `Vec<u8>` and `String` copy it, [`Bytes`] shares it; `Json`
/// (feature `json`) and [`Proto`] decode it. One's own:
///
/// ```
/// use palm::{Bytes, service::{FromPayload, Refused}};
///
/// struct Celsius(f64);
///
/// impl FromPayload<'_> for Celsius {
///     fn from_payload(payload: &Bytes) -> Result<Self, Refused> {
///         let text = <&str>::from_payload(payload)?;
///         text.parse().map(Celsius).map_err(|_| Refused::new(format!("`{text}` is no temperature")))
///     }
/// }
///
/// struct Thermostat;
///
/// #[palm::server]
/// impl Thermostat {
///     fn is_freezing(&mut self, Celsius(degrees): Celsius) -> &'static str {
///         if degrees < 0.0 { "yes" } else { "no" }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no argument that a payload can be made into",
    label = "not an extractor",
    note = "extractors are `&[u8]`, `&str`, `String`, `Vec<u8>`, `Bytes`, `Json<T>`, `Proto<T>` and what implements `palm::service::FromPayload`",
    note = "what is known about the call itself comes as `call: &Call`"
)]
pub trait FromPayload<'a>: Sized {
    /// Makes the argument.
    ///
    /// # Errors
    /// [`Refused`] if the payload is not what the method takes; the method is then not called.
    fn from_payload(payload: &'a Bytes) -> Result<Self, Refused>;
}

/// Why a payload is not what the method takes. The caller gets the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    text: String,
}

impl Refused {
    /// A refusal that says why.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// What the caller is told.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refused {}

#[diagnostic::do_not_recommend]
impl<'a> FromPayload<'a> for &'a [u8] {
    #[inline]
    fn from_payload(payload: &'a Bytes) -> Result<Self, Refused> {
        Ok(payload)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromPayload<'a> for &'a Bytes {
    #[inline]
    fn from_payload(payload: &'a Bytes) -> Result<Self, Refused> {
        Ok(payload)
    }
}

#[diagnostic::do_not_recommend]
impl FromPayload<'_> for Bytes {
    #[inline]
    fn from_payload(payload: &Bytes) -> Result<Self, Refused> {
        Ok(payload.clone())
    }
}

#[diagnostic::do_not_recommend]
impl FromPayload<'_> for Vec<u8> {
    #[inline]
    fn from_payload(payload: &Bytes) -> Result<Self, Refused> {
        Ok(payload.to_vec())
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromPayload<'a> for &'a str {
    #[inline]
    fn from_payload(payload: &'a Bytes) -> Result<Self, Refused> {
        std::str::from_utf8(payload).map_err(|error| Refused::new(format!("the payload is no UTF-8 text: {error}")))
    }
}

#[diagnostic::do_not_recommend]
impl FromPayload<'_> for String {
    #[inline]
    fn from_payload(payload: &Bytes) -> Result<Self, Refused> {
        <&str>::from_payload(payload).map(str::to_owned)
    }
}

/// A protobuf message, as an argument and as a result.
///
/// ```
/// use palm::Proto;
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Point {
///     #[prost(double, tag = "1")]
///     x: f64,
/// }
///
/// struct Mirror;
///
/// #[palm::server]
/// impl Mirror {
///     fn flip(&mut self, Proto(point): Proto<Point>) -> Proto<Point> {
///         Proto(Point { x: -point.x })
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proto<T>(pub T);

#[diagnostic::do_not_recommend]
impl<T: prost::Message + Default> FromPayload<'_> for Proto<T> {
    #[inline]
    fn from_payload(payload: &Bytes) -> Result<Self, Refused> {
        T::decode(payload.clone())
            .map(Self)
            .map_err(|error| Refused::new(format!("the payload is not the protobuf message that is wanted: {error}")))
    }
}

/// A JSON value, as an argument and as a result (feature `json`).
///
/// ```
/// use palm::Json;
///
/// struct Sum;
///
/// #[palm::server]
/// impl Sum {
///     fn sum(&mut self, Json(numbers): Json<Vec<f64>>) -> Json<f64> {
///         Json(numbers.iter().sum())
///     }
/// }
/// ```
#[cfg(feature = "json")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

#[cfg(feature = "json")]
#[diagnostic::do_not_recommend]
impl<'a, T: serde::Deserialize<'a>> FromPayload<'a> for Json<T> {
    #[inline]
    fn from_payload(payload: &'a Bytes) -> Result<Self, Refused> {
        serde_json::from_slice(payload)
            .map(Self)
            .map_err(|error| Refused::new(format!("the payload is not the JSON that is wanted: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_utf8_is_refused_with_the_place() {
        let refused = String::from_payload(&Bytes::from_static(b"ab\xff")).expect_err("0xff is no UTF-8");
        assert!(refused.text().contains("from index 2"), "{refused}");
    }

    #[test]
    fn bytes_are_shared_not_copied() {
        let payload = Bytes::from(vec![1, 2, 3]);
        let shared = Bytes::from_payload(&payload).expect("bytes are never refused");
        assert_eq!(shared.as_ptr(), payload.as_ptr());
    }

    #[test]
    fn a_broken_protobuf_message_is_refused() {
        #[derive(Clone, PartialEq, prost::Message)]
        struct Point {
            #[prost(double, tag = "1")]
            x: f64,
        }
        let refused = Proto::<Point>::from_payload(&Bytes::from_static(b"\xff")).expect_err("a tag without an end");
        assert!(refused.text().starts_with("the payload is not the protobuf message"), "{refused}");
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_may_borrow_from_the_payload() {
        let payload = Bytes::from_static(br#""text""#);
        assert_eq!(Json::<&str>::from_payload(&payload), Ok(Json("text")));
    }
}

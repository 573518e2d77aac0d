//! What a method gives: results made into payloads.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

#[cfg(feature = "json")]
use super::extract::Json;
use super::extract::{Proto, Refused};
use super::marker::{Fallible, One, Perhaps, Several};
use crate::error::BoxError;

/// What a method may return.
///
/// - bytes and text (`Vec<u8>`, `Bytes`, `&[u8]`, `[u8; N]`, `String`, `&str`, `Cow`, `Box<[u8]>`), `Json<T>` and `Proto<T>`: one result;
/// - `()` and `None`: no result; a server or worker then answers with an empty payload, a pipeline or sink not at all;
/// - `Result<T, E>`, where `E` converts into a boxed error: an `Err` goes to the caller as the reason;
/// - any iterator of these: one result each. They are pulled inside the call, so the iterator may borrow the component. An
///   `Err` among them ends the call; what came before it stands.
///
/// The marker only tells the implementations apart; a type of one's own leaves it out:
///
/// ```
/// use palm::{Bytes, service::{Failure, IntoReply, Replies}};
///
/// struct Celsius(f64);
///
/// impl IntoReply for Celsius {
///     fn into_reply(self, replies: &mut Replies<'_>) -> Result<(), Failure> {
///         replies.push(Bytes::from(format!("{} °C", self.0)));
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no result that a payload can be made from",
    label = "not a reply",
    note = "replies are bytes, text, `Json<T>`, `Proto<T>`, `()`, `Option` and `Result` of these, and what implements `palm::service::IntoReply`",
    note = "several results are an iterator: end a collection with `.into_iter()`"
)]
pub trait IntoReply<Marker = One> {
    /// Pushes the results, in order.
    ///
    /// # Errors
    /// [`Failure`] if the method returned an error, or a result cannot be encoded.
    fn into_reply(self, replies: &mut Replies<'_>) -> Result<(), Failure>;
}

/// Where the results of one call go.
///
/// The engine owns what stands behind it; results leave as they are pushed.
pub struct Replies<'a> {
    sink: &'a mut (dyn FnMut(Option<Bytes>) + Send),
}

impl<'a> Replies<'a> {
    /// Results go to `sink`; `None` stands for [`nothing`](Self::nothing).
    pub fn new(sink: &'a mut (dyn FnMut(Option<Bytes>) + Send)) -> Self {
        Self { sink }
    }

    /// One more result.
    #[inline]
    pub fn push(&mut self, payload: Bytes) {
        (self.sink)(Some(payload));
    }

    /// The method had nothing to say; what that means, the kind of component decides.
    #[inline]
    pub fn nothing(&mut self) {
        (self.sink)(None);
    }
}

impl fmt::Debug for Replies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").finish_non_exhaustive()
    }
}

/// Why a call gave no (further) result.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The method returned this error. On the wire it has code 1.
    Method(BoxError),
    /// The payload is not what the method takes; the method was not called. On the wire it has code 6.
    Refused {
        /// What the caller is told.
        text: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(error) => error.fmt(f),
            Self::Refused { text } => f.write_str(text),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Method(error) => error.source(),
            Self::Refused { .. } => None,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused { text: refused.into_text() }
    }
}

macro_rules! one_result {
    ($([$($generics:tt)*] $type:ty: $value:ident => $bytes:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> IntoReply for $type {
            #[inline]
            fn into_reply(self, replies: &mut Replies<'_>) -> Result<(), Failure> {
                let $value = self;
                replies.push($bytes);
                Ok(())
            }
        }
    )*};
}

one_result! {
    [] Bytes: it => it;
    [] &Bytes: it => it.clone();
    [] Vec<u8>: it => it.into();
    [] &Vec<u8>: it => Bytes::copy_from_slice(it);
    [] Box<[u8]>: it => it.into();
    [] &[u8]: it => Bytes::copy_from_slice(it);
    [const N: usize] [u8; N]: it => Bytes::copy_from_slice(&it);
    [const N: usize] &[u8; N]: it => Bytes::copy_from_slice(it);
    [] String: it => it.into();
    [] &String: it => Bytes::copy_from_slice(it.as_bytes());
    [] &str: it => Bytes::copy_from_slice(it.as_bytes());
    [] Cow<'_, [u8]>: it => it.into_owned().into();
    [] Cow<'_, str>: it => it.into_owned().into();
    [T: prost::Message] Proto<T>: it => it.0.encode_to_vec().into();
}

#[cfg(feature = "json")]
#[diagnostic::do_not_recommend]
impl<T: serde::Serialize> IntoReply for Json<T> {
    #[inline]
    fn into_reply(self, replies: &mut Replies<'_>) -> Result<(), Failure> {
        replies.push(serde_json::to_vec(&self.0).map_err(|error| Failure::Method(error.into()))?.into());
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl IntoReply for () {
    #[inline]
    fn into_reply(self, replies: &mut Replies<'_>) -> Result<(), Failure> {
        replies.nothing();
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<M, T: IntoReply<M>> IntoReply<Perhaps<M>> for Option<T> {
    #[inline]
    fn into_reply(self, replies: &mut Replies<'_>) -> Result<(), Failure> {
        match self {
            Some(value) => value.into_reply(replies),
            None => ().into_reply(replies),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<M, T: IntoReply<M>, E: Into<BoxError>> IntoReply<Fallible<M>> for Result<T, E> {
    #[inline]
    fn into_reply(self, replies: &mut Replies<'_>) -> Result<(), Failure> {
        match self {
            Ok(value) => value.into_reply(replies),
            Err(error) => Err(Failure::Method(error.into())),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<M, I> IntoReply<Several<M>> for I
where
    I: Iterator,
    I::Item: IntoReply<M>,
{
    #[inline]
    fn into_reply(mut self, replies: &mut Replies<'_>) -> Result<(), Failure> {
        self.try_for_each(|value| value.into_reply(replies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies<M>(value: impl IntoReply<M>) -> (Vec<Option<Bytes>>, Result<(), String>) {
        let mut pushed = Vec::new();
        let mut sink = |reply| pushed.push(reply);
        let outcome = value.into_reply(&mut Replies::new(&mut sink)).map_err(|failure| failure.to_string());
        (pushed, outcome)
    }

    #[track_caller]
    fn assert_replies<M>(value: impl IntoReply<M>, wanted: &[&[u8]]) {
        let wanted = wanted.iter().map(|bytes| Some(Bytes::copy_from_slice(bytes))).collect();
        assert_eq!(replies(value), (wanted, Ok(())));
    }

    #[test]
    fn bytes_and_text_are_one_result() {
        assert_replies(Bytes::from_static(b"a"), &[b"a"]);
        assert_replies(vec![b'a'], &[b"a"]);
        assert_replies(vec![b'a'].into_boxed_slice(), &[b"a"]);
        assert_replies(b"a".as_slice(), &[b"a"]);
        assert_replies(*b"a", &[b"a"]);
        assert_replies(b"a", &[b"a"]);
        assert_replies("a", &[b"a"]);
        assert_replies("a".to_owned(), &[b"a"]);
        assert_replies(Cow::Borrowed("a"), &[b"a"]);
        assert_replies(Cow::Borrowed(b"a".as_slice()), &[b"a"]);
    }

    #[test]
    fn nothing_is_not_an_empty_result() {
        assert_eq!(replies(()), (vec![None], Ok(())));
        assert_eq!(replies(None::<&str>), (vec![None], Ok(())));
        assert_replies("", &[b""]);
    }

    #[test]
    fn an_iterator_gives_several_results() {
        let owned = [1, 2, 3];
        assert_replies(owned.iter().map(ToString::to_string), &[b"1", b"2", b"3"]);
        assert_replies(std::iter::empty::<&str>(), &[]);
        assert_replies(Some(["a", "b"].into_iter()), &[b"a", b"b"]);
        let boxed: Box<dyn Iterator<Item = Vec<u8>>> = Box::new(std::iter::once(vec![1]));
        assert_replies(boxed, &[&[1]]);
    }

    #[test]
    fn an_error_ends_an_iterator_after_the_earlier_results() {
        let (pushed, outcome) = replies([Ok("a"), Err("broken"), Ok("c")].into_iter());
        assert_eq!((pushed.len(), outcome), (1, Err("broken".to_owned())));
    }

    #[test]
    fn results_nest() {
        let value: Result<Option<std::vec::IntoIter<String>>, std::io::Error> =
            Ok(Some(vec!["a".to_owned()].into_iter()));
        assert_replies(value, &[b"a"]);
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_is_written_compactly() {
        assert_replies(Json(vec![1, 2]), &[b"[1,2]"]);
    }
}

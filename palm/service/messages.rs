//! What `scatter` and `gather` give.

use std::fmt;

use super::marker::{One, Several};
use crate::wire::Message;

/// What `scatter` and `gather` may return: a [`Message`], or anything that is iterated to messages (`Option`, `Vec`, an iterator).
///
/// The messages are pulled inside the call, so an iterator may borrow the component.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not made of messages",
    label = "not messages",
    note = "a `scatter` or `gather` returns `Message`, `Option<Message>`, `Vec<Message>` or an iterator of messages"
)]
pub trait IntoMessages<Marker = One> {
    /// Pushes the messages, in order.
    fn into_messages(self, out: &mut Messages<'_>);
}

#[diagnostic::do_not_recommend]
impl IntoMessages for Message {
    fn into_messages(self, out: &mut Messages<'_>) {
        out.push(self);
    }
}

#[diagnostic::do_not_recommend]
impl<M, I> IntoMessages<Several<M>> for I
where
    I: IntoIterator,
    I::Item: IntoMessages<M>,
{
    fn into_messages(self, out: &mut Messages<'_>) {
        for message in self {
            message.into_messages(out);
        }
    }
}

/// Where the messages that `scatter` and `gather` make go.
pub struct Messages<'a> {
    sink: &'a mut dyn FnMut(Message),
}

impl<'a> Messages<'a> {
    /// Messages go to `sink`.
    pub fn new(sink: &'a mut dyn FnMut(Message)) -> Self {
        Self { sink }
    }

    /// One more message.
    pub fn push(&mut self, message: Message) {
        (self.sink)(message);
    }
}

impl fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count<M>(value: impl IntoMessages<M>) -> usize {
        let mut count = 0;
        value.into_messages(&mut Messages::new(&mut |_| count += 1));
        count
    }

    #[test]
    fn one_none_and_several() {
        let message = || Message::new("server.foo", "a");
        assert_eq!(count(message()), 1);
        assert_eq!(count(None::<Message>), 0);
        assert_eq!(count(vec![message(), message()]), 2);
        assert_eq!(count(std::iter::repeat_n(message(), 3)), 3);
    }
}

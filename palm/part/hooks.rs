use bytes::Bytes;

use crate::error::BoxError;
use crate::service::Messages;
use crate::wire::Message;

/// What a part does with each message. Every hook has a default; give a part your own with `.hooks(…)`.
///
/// They run on the thread that serves the component's sockets: keep them short.
///
/// ```
/// use palm::part::{Hooks, PullService};
/// use palm::service::Messages;
///
/// /// Sends every message twice.
/// struct Twice;
///
/// impl Hooks for Twice {
///     fn scatter(&mut self, message: palm::Message, out: &mut Messages<'_>) {
///         out.push(message.clone());
///         out.push(message);
///     }
/// }
/// let part = PullService::new("tcp://127.0.0.1:5555").hooks(Twice);
/// ```
pub trait Hooks: Send + 'static {
    /// Translates what came from outside into a message for the router.
    ///
    /// # Errors
    /// What came is none; it is counted, logged and dropped.
    fn to_router(&mut self, frame: Bytes) -> Result<Message, BoxError> {
        Ok(Message::decode(frame)?)
    }

    /// Translates a message of the router into what goes outside.
    #[expect(clippy::wrong_self_convention, reason = "the documentation's word: it translates from the router")]
    fn from_router(&mut self, message: &Message) -> Vec<u8> {
        message.encode()
    }

    /// Makes none, one or several messages of one.
    fn scatter(&mut self, message: Message, out: &mut Messages<'_>) {
        out.push(message);
    }

    /// Takes the router's feedback for a message of a blocking part.
    fn handle_feedback(&mut self, message: &Message) {
        let _ = message;
    }

    /// What a part that answers its peer sends back after the feedback; by default the feedback itself.
    fn reply_feedback(&mut self, feedback: &Message) -> Vec<u8> {
        self.from_router(feedback)
    }
}

/// The defaults.
#[derive(Debug)]
pub(super) struct Plain;

impl Hooks for Plain {}

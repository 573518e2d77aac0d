//! What can go wrong, each with who, where and what to do next.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use crate::wire::Code;

/// Any error, as methods of users return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Result of this library's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
///
/// `{:?}` prints what `{}` does, with the causes that it does not name yet: so a `main` that returns
/// [`palm::Result`](Result) ends with a line that can be read.
///
/// ```
/// let error = palm::Client::builder("my_server", "tcp://127.0.0.1:1")
///     .connect_timeout(std::time::Duration::from_millis(50))
///     .connect()
///     .unwrap_err();
/// assert!(matches!(error, palm::Error::NotReached { .. }));
/// assert!(error.to_string().contains("tcp://127.0.0.1:1"));
/// assert_eq!(format!("{error:?}"), error.to_string());
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A component answered with an error instead of a result.
    #[error("{component}.{method} failed ({code}): {text}")]
    Remote {
        /// Name of the component where it happened.
        component: String,
        /// Method that was called there.
        method: String,
        /// What kind of failure it is.
        code: Code,
        /// What the method, or the component, said.
        text: String,
        /// Whether the same call may succeed when it is made again.
        retryable: bool,
    },
    /// Nobody answered at an address within the time to connect.
    #[error("`{server}` did not answer at {address} within {waited:?}; is it running there?")]
    NotReached {
        /// Name of the component that was asked for.
        server: String,
        /// Address of its cache service.
        address: String,
        /// How long was waited.
        waited: Duration,
    },
    /// Somebody else answered.
    #[error("the component at {address} is called `{found}`, not `{server}`")]
    WrongName {
        /// Name that was asked for.
        server: String,
        /// Name that the component gave.
        found: String,
        /// Address of its cache service.
        address: String,
    },
    /// Nothing of a call arrived within its time-out.
    #[error("nothing of `{function}` arrived from `{server}` at {address} within {waited:?}")]
    TimedOut {
        /// Name of the component that was called.
        server: String,
        /// Function, or functions, of the call.
        function: String,
        /// Address of the component's cache service.
        address: String,
        /// How long was waited.
        waited: Duration,
    },
    /// Everything that was asked is settled, and fewer results came of it than the caller wanted. Only on the link is that
    /// known; on classic sockets such a call times out.
    #[error(
        "`{function}` of `{server}` is done, and gave {came} of {wanted} results; does every method return something?"
    )]
    NoResult {
        /// Name of the component that was called.
        server: String,
        /// Function, or functions, of the call.
        function: String,
        /// How many results the caller wanted.
        wanted: usize,
        /// How many came.
        came: usize,
    },
    /// A reply is not what the caller wanted to read it as.
    #[error("the reply cannot be read as {wanted}: {reason}")]
    Reply {
        /// Name of the wanted type.
        wanted: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// A part could not bind or connect.
    #[error("{component}: part `{part}` cannot use {address}: {source}")]
    Address {
        /// Name of the component.
        component: String,
        /// Name of the part.
        part: String,
        /// Address as it was given.
        address: String,
        /// What the system said.
        source: BoxError,
    },
    /// A part would bind beyond loopback without encryption.
    #[error(
        "{component}: part `{part}` would bind {address} for the whole network without encryption; \
         say `insecure()` (`--insecure`) if that is meant, or bind to 127.0.0.1"
    )]
    Insecure {
        /// Name of the component.
        component: String,
        /// Name of the part.
        part: String,
        /// Address as it was given.
        address: String,
    },
    /// A component has no address under a key, or not yet.
    #[error("{component} has no `{key}`; {reason}")]
    NoAddress {
        /// Name of the component.
        component: String,
        /// Key that was asked for.
        key: String,
        /// Which keys there are, or why there is none yet.
        reason: String,
    },
    /// The parts of a component do not fit together.
    #[error("{component}: {problems}")]
    Topology {
        /// Name of the component.
        component: String,
        /// Every problem that was found, one a line.
        problems: String,
    },
    /// A component was told to stop before it had found its peers.
    #[error("{component} was stopped before it had started")]
    Stopped {
        /// Name of the component.
        component: String,
    },
    /// A component's thread ended by a panic: a fault of this library.
    #[error("{component} ended by a panic: {text}")]
    Panicked {
        /// Name of the component.
        component: String,
        /// Text of the panic.
        text: String,
    },
    /// A part panicked outside of a message, or ended by itself, more than five times within 60 s.
    #[error("{component}: part `{part}` failed too often, more than 5 times within 60 s, at last so: {text}")]
    PartFailed {
        /// Name of the component.
        component: String,
        /// Name of the part.
        part: String,
        /// Why it failed the last time.
        text: String,
    },
    /// A method of a worker has given no result for longer than its master allows. Its thread cannot be ended: a worker that
    /// was started by [`run`](crate::Worker::run) ends its process.
    #[error(
        "{component}: `{method}` hangs: it has given no result of message `{message}` within {limit:?}, the work time-out; \
         allow it more time, or end this process, since the thread cannot be ended"
    )]
    Hung {
        /// Name of the worker.
        component: String,
        /// Method that was called.
        method: String,
        /// Identifier of the message, as in log lines.
        message: String,
        /// How long a method may take.
        limit: Duration,
    },
    /// A cache refused a value, or its store failed.
    #[error("the cache refused `{key}`: {reason}")]
    Cache {
        /// Key of the entry.
        key: String,
        /// Why.
        reason: String,
    },
    /// The system refused something that has no address.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: BoxError,
    },
}

impl Error {
    pub(crate) fn system(action: &'static str, source: impl Into<BoxError>) -> Self {
        Self::System { action, source: source.into() }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let said = cause.to_string();
            if !text.ends_with(&said) {
                text.extend([": ", &said]);
            }
            source = cause.source();
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the lamp does not light")]
    struct Lamp(#[source] std::num::ParseIntError);

    #[test]
    fn every_cause_is_printed_once() {
        let lamp = Lamp("x".parse::<i32>().unwrap_err());
        let error = Error::system("start a thread", lamp);
        assert_eq!(error.to_string(), "cannot start a thread: the lamp does not light");
        assert_eq!(
            format!("{error:?}"),
            "cannot start a thread: the lamp does not light: invalid digit found in string"
        );
        let error =
            Error::NoResult { server: "server".to_owned(), function: "server.foo".to_owned(), wanted: 1, came: 0 };
        assert_eq!(format!("{error:#?}"), error.to_string());
    }
}

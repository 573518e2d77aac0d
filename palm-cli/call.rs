//! `palm call`: the launcher for any server.

mod answers;
mod source;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use futures_core::Stream as _;
use palm::Client;

use self::answers::Answers;
use self::source::{Origin, Payloads};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::terminal::Progress;
use crate::value::{self, Functions};

/// Sends messages to a server, and prints the answers as they come
///
/// Sends one payload, the same one N times, or a line each. An answer is printed as its bytes and a newline; an answer that is
/// an error goes to stderr. It ends when everything that was sent is settled, or after `--messages`. Components that are not of
/// this library do not say what is settled: where the server itself is such a one, one answer for each message is waited
/// for; where a later one is, say `--messages`.
#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    /// What is called: the server's function, and one for each further component that the message goes through
    #[arg(value_name = "SERVER.METHOD[,STAGE.METHOD…]", value_parser = value::functions)]
    functions: Functions,
    /// The payload; `-` reads it from stdin [default: an empty one]
    #[arg(conflicts_with_all = ["file", "lines"])]
    payload: Option<std::ffi::OsString>,
    /// The server's cache
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    db: String,
    /// Sends what is in a file
    #[arg(long, value_name = "FILE", conflicts_with = "lines")]
    file: Option<PathBuf>,
    /// Sends each line of a file, without its end; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "repeat")]
    lines: Option<PathBuf>,
    /// Sends the payload so many times
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u64,
    /// Ends after so many answers [default: when everything is settled]
    #[arg(long, value_name = "N")]
    messages: Option<usize>,
    /// Where the answers come from: the `pub_address` of the last component [default: the server's]
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    sub: Option<String>,
    /// Prints the answers in the order of the messages
    #[arg(long)]
    ordered: bool,
    /// Gives up when nothing has come for so long [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    timeout: Option<Duration>,
    /// The tag of the messages [default: a UUID]
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// Prints an object a line: `{"payload": BASE64}`, or `{"error": {code, text, component, method, retryable}}`
    #[arg(long)]
    json: bool,
}

impl Call {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let origin = match (self.payload, self.file, self.lines) {
            (_, _, Some(file)) => Origin::Lines(file),
            (_, Some(file), _) => Origin::File(file),
            (Some(word), ..) if word == "-" => Origin::File("-".into()),
            (word, ..) => Origin::Word(word.unwrap_or_default()),
        };
        let expected = match (&origin, self.messages) {
            (_, Some(messages)) => Some(messages as u64),
            (Origin::Lines(_), None) => None,
            (_, None) => Some(self.repeat),
        };
        let (payloads, taken) = Payloads::open(origin, self.repeat)?;

        let mut client = Client::builder(self.functions.server, self.db);
        if let Some(address) = self.sub {
            client = client.sub_address(address);
        }
        if let Some(session) = self.session {
            client = client.session(session);
        }
        if let Some(timeout) = self.timeout {
            client = client.timeout(timeout);
        }
        let client = client.connect().map_err(|error| Failure::of(&error))?;

        let interrupt = Interrupt::take_over();
        let mut job = client.job(self.functions.stages, payloads);
        if let Some(messages) = self.messages {
            job = job.messages(messages);
        }
        if self.ordered {
            job = job.ordered();
        }
        // Where nobody says what is settled, one answer for each message has to do.
        let counts = self.messages.is_none() && !client.is_linked();
        let enough = |answers: u64| counts && taken.is_all(answers);
        print(job, &interrupt, &enough, Answers::new(self.json, Progress::of(expected)))
    }
}

/// Prints what comes of a job. What has come is printed before anything else is waited for.
fn print(
    job: palm::Job,
    interrupt: &Interrupt,
    enough: &dyn Fn(u64) -> bool,
    mut answers: Answers,
) -> Result<(), Failure> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut stream = pin!(job.stream());
    while answers.are_read() {
        if interrupt.is_raised() {
            return Err(Failure::interrupted());
        }
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(Ok(reply))) => answers.give(&reply)?,
            Poll::Ready(Some(Err(error @ palm::Error::Remote { .. }))) => answers.fail(error)?,
            Poll::Ready(Some(Err(error))) => {
                answers.flush()?;
                return Err(Failure::of(&error));
            }
            Poll::Ready(None) => break,
            Poll::Pending => {
                answers.flush()?;
                if enough(answers.count()) {
                    break;
                }
                // Whoever has news for this thread unparks it: answers, the source's end, Ctrl-C.
                std::thread::park();
            }
        }
    }
    answers.flush()?;
    match (answers.failed(), answers.count()) {
        (0, _) => Ok(()),
        (_, 1) => Err(Failure::silent(1)),
        (failed, count) => Err(Failure::failed(format!("{failed} of {count} answers are errors"))),
    }
}

/// Wakes a thread that waits in `park`.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

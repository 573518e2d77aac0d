use std::sync::Arc;

use super::{Address, FromAddress, Outbound};
use crate::engine::{Batch, Counter, Envelope, Opening, Part, Task, Turn, report};
use crate::error::Result;
use crate::service::{Description, Kind};
use crate::wire::{Code, Header};

/// Runs the methods of the user's impl block: an outbound part whose feedback, the results, is rerouted to the next part.
///
/// The call is the function at the message's stage. A message that calls another component, a method that is not there or
/// a stage past the end is answered with an error; one that brings an error from an earlier stage passes on as it is.
/// `echo` gives the payload back, unless the block has a method of that name.
///
/// ```
/// #[derive(Default)]
/// struct Shout;
///
/// #[palm::server]
/// impl Shout {
///     fn shout(&mut self, text: &str) -> String {
///         text.to_uppercase()
///     }
/// }
///
/// palm::topology! {
///     /// A server of one's own.
///     struct Loud {
///         inbound  Pull:    PullService => Methods;
///         outbound Methods: Methods     => Pub;
///         outbound Pub:     PubService;
///         bypass   Cache:   CacheService;
///     }
/// }
/// # use palm::part::{CacheService, Methods, PubService, PullService};
/// let handle = Loud::new("loud").service(Shout).start()?;
/// let address = handle.address("db_address")?;
/// let client = palm::Client::connect("loud", address)?;
/// assert_eq!(&client.eval("loud.shout", "hello")?[..], b"HELLO");
/// handle.shutdown();
/// handle.join()?;
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Methods {
    /// The last stream, and what its function is here: messages of one stream come in runs.
    last: Option<(Arc<Header>, Target)>,
}

#[derive(Debug, Clone)]
enum Target {
    Method(usize),
    Echo,
    Refused { method: String, code: Code, text: String },
}

fn target(header: &Header, component: &str, description: Option<&'static Description>) -> Target {
    let Some(description) = description else {
        return refused("", Code::UnknownMethod, format!("{component} has no methods"));
    };
    let (server, method) = match header.call() {
        Ok(call) => call,
        Err(error) => return refused("", error.code, error.text),
    };
    if description.kind != Kind::Worker && server != component {
        return refused(method, Code::WrongServer, format!("`{server}.{method}` came to `{component}`"));
    }
    match description.methods.iter().position(|known| known.name == method) {
        Some(index) => Target::Method(index),
        None if method == "echo" => Target::Echo,
        None => {
            let known: Vec<_> = description.methods.iter().map(|method| method.name).collect();
            let text = format!("{component} has no method `{method}`; it has {}", known.join(", "));
            refused(method, Code::UnknownMethod, text)
        }
    }
}

impl Methods {
    /// What the function of a stream is here.
    fn target(&mut self, turn: &Turn<'_>, header: &Arc<Header>) -> Target {
        match &self.last {
            Some((last, target)) if Arc::ptr_eq(last, header) => target.clone(),
            _ => {
                let target = target(header, &turn.core.name, turn.core.description);
                self.last = Some((header.clone(), target.clone()));
                target
            }
        }
    }
}

fn refused(method: &str, code: Code, text: String) -> Target {
    Target::Refused { method: method.to_owned(), code, text }
}

#[diagnostic::do_not_recommend]
impl FromAddress for Methods {
    /// The component's own methods; there is no address.
    fn at(_address: Address) -> Self {
        Self::default()
    }
}

#[diagnostic::do_not_recommend]
impl Outbound for Methods {
    const BINDS: bool = false;
    const REPLIES: bool = true;
}

impl Part for Methods {
    fn open(&mut self, _opening: &mut Opening<'_>) -> Result<()> {
        Ok(())
    }

    fn settles(&self) -> bool {
        true
    }

    fn takes_batches(&self) -> bool {
        true
    }

    fn deliver_batch(&mut self, turn: &mut Turn<'_>, batch: Batch) {
        match self.target(turn, &batch.way.header) {
            Target::Method(index) if !turn.core.shares => turn.core.order_series(index, turn.part, batch),
            _ => batch.into_envelopes().for_each(|envelope| self.deliver(turn, envelope)),
        }
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, mut envelope: Envelope) {
        let target = self.target(turn, envelope.message.header());
        let task = match target {
            _ if envelope.message.error().is_some() => Task::Pass,
            Target::Method(index) => Task::Call(index),
            Target::Echo => Task::Pass,
            Target::Refused { method, code, text } => {
                turn.count(Counter::Refused, 1);
                envelope.message = report(&envelope.message, &turn.core.name, &method, code, text);
                Task::Pass
            }
        };
        turn.core.order(task, turn.part, envelope);
    }
}

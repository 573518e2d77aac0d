//! Feedback: to a blocking inbound part, and rerouted from one outbound part to another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::client::{marked, numbers};
use super::cluster::seeds;
use crate::ServerTemplate;
use crate::engine::{Counter, Envelope, Opening, Part, Port, Turn};
use crate::part::{Address, Hooks, Methods, Outbound, PubService, PullService};
use crate::socket::Incoming;
use crate::topology::Route;
use crate::wire::Message;

/// Asks somebody over a PUSH and hands the answer, which comes on a PULL, to the router: an outbound part with feedback.
struct Ask {
    to: &'static str,
    from: &'static str,
    /// What it is waiting for, in order.
    asked: VecDeque<Envelope>,
    port: Option<Port>,
    /// Most that were ever under way.
    most: Arc<Mutex<usize>>,
}

impl Part for Ask {
    fn open(&mut self, opening: &mut Opening<'_>) -> crate::Result<()> {
        self.port = Some(opening.bind(crate::part::SocketKind::Push, &Address::from(self.to))?.port);
        opening.bind(crate::part::SocketKind::Pull, &Address::from(self.from)).map(drop)
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
        turn.send(self.port.unwrap(), None, &envelope.message);
        self.asked.push_back(envelope);
        let mut most = self.most.lock().unwrap();
        *most = (*most).max(self.asked.len());
    }

    fn receive(&mut self, turn: &mut Turn<'_>, _port: Port, incoming: Incoming) {
        let answer = Message::decode(incoming.body).unwrap();
        let asked = self.asked.pop_front().unwrap();
        if answer.payload().is_empty() {
            drop(asked);
        } else {
            turn.route(asked.with(answer));
        }
    }

    fn is_full(&self) -> bool {
        self.asked.len() >= 4
    }

    fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }
}

impl Outbound for Ask {
    const BINDS: bool = true;
    const REPLIES: bool = true;
}

fn ask(to: &'static str, from: &'static str) -> (Ask, Arc<Mutex<usize>>) {
    let most = Arc::new(Mutex::new(0));
    (Ask { to, from, asked: VecDeque::new(), port: None, most: most.clone() }, most)
}

/// Answers what `Ask` asks: a worker without a component's name, from a PULL to a PUSH.
#[derive(Default)]
struct Answer;

#[crate::worker]
impl Answer {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }

    /// An empty answer for odd numbers.
    fn even(&mut self, text: &str) -> Option<String> {
        text.ends_with(['0', '2', '4', '6', '8']).then(|| text.to_owned())
    }
}

#[derive(Clone, Default)]
struct Feedback(Arc<Mutex<Vec<String>>>);

impl Hooks for Feedback {
    fn handle_feedback(&mut self, message: &Message) {
        self.0.lock().unwrap().push(String::from_utf8_lossy(message.payload()).into_owned());
    }
}

fn answerer(push: &'static str, pull: &'static str) -> crate::topology::Plan {
    crate::Worker::new("answer", Answer).pull_address(push).push_address(pull).plan()
}

#[test]
fn a_blocking_part_takes_one_message_at_a_time() {
    seeds(300, |cluster| {
        let (part, most) = ask("ask", "answers");
        let feedback = Feedback::default();
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", PullService::new("pull").hooks(feedback.clone()), Route::to("Ask").blocking())
            .register_outbound("Ask", part, Route::exterior());
        let node = cluster.add(template.plan());
        cluster.add(answerer("ask", "answers"));
        cluster.sends("pull", (0..30).map(|number| marked("a", "x.foo", number.to_string())));
        cluster.settle();
        assert_eq!(*feedback.0.lock().unwrap(), numbers(0..30, |number| format!("<{number}>")));
        assert_eq!(*most.lock().unwrap(), 1);
        assert!(cluster.engine(node).is_idle());
        assert_eq!(cluster.count(node, Counter::Discarded), 0);
    });
}

#[test]
fn a_blocking_part_goes_on_where_there_is_no_feedback() {
    seeds(300, |cluster| {
        let (part, most) = ask("ask", "answers");
        let feedback = Feedback::default();
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", PullService::new("pull").hooks(feedback.clone()), Route::to("Ask").blocking())
            .register_outbound("Ask", part, Route::exterior());
        let node = cluster.add(template.plan());
        cluster.add(answerer("ask", "answers"));
        cluster.sends("pull", (0..30).map(|number| marked("a", "x.even", number.to_string())));
        cluster.settle();
        assert_eq!(*feedback.0.lock().unwrap(), numbers(0..15, |number| (2 * number).to_string()));
        assert_eq!(*most.lock().unwrap(), 1);
        assert_eq!(cluster.count(node, Counter::Received), 30);
    });
}

#[test]
fn feedback_of_a_part_that_does_not_block_is_dropped_and_counted() {
    seeds(50, |cluster| {
        let (part, most) = ask("ask", "answers");
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", PullService::new("pull"), "Ask")
            .register_outbound("Ask", part, Route::exterior());
        let node = cluster.add(template.plan());
        cluster.add(answerer("ask", "answers"));
        cluster.sends("pull", (0..30).map(|number| marked("a", "x.foo", number.to_string())));
        cluster.settle();
        assert_eq!(cluster.count(node, Counter::Discarded), 30);
        assert!(*most.lock().unwrap() <= 4);
    });
}

#[test]
fn feedback_is_rerouted_from_part_to_part_to_the_outside() {
    seeds(300, |cluster| {
        let ((first, first_most), (second, second_most)) = (ask("ask1", "answers1"), ask("ask2", "answers2"));
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", PullService::new("pull"), "First")
            .register_outbound("First", first, "Second")
            .register_outbound("Second", second, "Pub")
            .register_outbound("Pub", PubService::new("pub"), Route::exterior());
        let node = cluster.add(template.plan());
        cluster.add(answerer("ask1", "answers1"));
        cluster.add(answerer("ask2", "answers2"));
        cluster.sends("pull", (0..25).map(|number| marked("a", "x.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(0..25, |number| format!("<<{number}>>")));
        assert!(*first_most.lock().unwrap() <= 4);
        // What is full two hops on pauses the intake; what is already on its way still comes.
        assert!(*second_most.lock().unwrap() <= 8);
        assert!(cluster.engine(node).is_idle());
    });
}

/// Methods of every kind of outcome before a blocking part.
#[derive(Default)]
struct Outcomes;

#[crate::server]
impl Outcomes {
    fn one(&mut self, text: String) -> String {
        text
    }

    fn none(&mut self) -> impl Iterator<Item = String> {
        std::iter::empty()
    }

    fn fails(&mut self) -> Result<String, String> {
        Err("as it should".to_owned())
    }

    fn many(&mut self) -> impl Iterator<Item = String> {
        (0..600).map(|number| number.to_string())
    }
}

#[test]
fn a_blocking_part_is_released_by_every_outcome_of_a_method() {
    seeds(100, |cluster| {
        let feedback = Feedback::default();
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", PullService::new("pull").hooks(feedback.clone()), Route::to("Methods").blocking())
            .register_outbound("Methods", Methods::default(), Route::exterior())
            .service(Outcomes);
        let node = cluster.add(template.plan());
        let methods = ["one", "none", "fails", "missing", "echo", "one"];
        cluster.sends(
            "pull",
            (0..30).map(|number| marked("a", &format!("server.{}", methods[number % 6]), number.to_string())),
        );
        cluster.settle();
        assert_eq!(cluster.count(node, Counter::Received), 30);
        let expected = (0..30).filter(|number| number % 6 != 1).map(|number| match number % 6 {
            2 | 3 => "0".to_owned(),
            _ => number.to_string(),
        });
        assert_eq!(*feedback.0.lock().unwrap(), expected.collect::<Vec<_>>());
    });
}

/// Panics at every third message, in the hook that its payload names.
struct Rude(Feedback);

impl Hooks for Rude {
    fn to_router(&mut self, frame: bytes::Bytes) -> Result<Message, crate::BoxError> {
        let message = Message::decode(frame)?;
        assert!(!message.payload().ends_with(b"router"), "rude");
        Ok(message)
    }

    fn scatter(&mut self, message: Message, out: &mut crate::service::Messages<'_>) {
        assert!(!message.payload().ends_with(b"scatter"), "rude");
        out.push(message);
    }

    fn handle_feedback(&mut self, message: &Message) {
        assert!(!message.payload().ends_with(b"feedback"), "rude");
        self.0.handle_feedback(message);
    }
}

#[test]
fn a_panic_in_a_hook_costs_one_message() {
    seeds(50, |cluster| {
        let feedback = Feedback::default();
        let part = PullService::new("pull").hooks(Rude(feedback.clone()));
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", part, Route::to("Methods").blocking())
            .register_outbound("Methods", Methods::default(), Route::exterior())
            .service(Outcomes);
        let node = cluster.add(template.plan());
        let payloads = ["x", "router", "scatter", "y", "feedback", "z"];
        cluster.sends("pull", payloads.map(|payload| marked("a", "server.one", payload)));
        cluster.settle();
        assert_eq!(*feedback.0.lock().unwrap(), ["x", "y", "z"]);
        assert_eq!(cluster.count(node, Counter::Errors), 3);
    });
}

/// All the results of one message come before the next one is taken.
#[test]
fn several_results_release_a_blocking_part_once() {
    seeds(100, |cluster| {
        let feedback = Feedback::default();
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", PullService::new("pull").hooks(feedback.clone()), Route::to("Methods").blocking())
            .register_outbound("Methods", Methods::default(), Route::exterior())
            .service(Outcomes);
        cluster.add(template.plan());
        cluster
            .sends("pull", ["many", "one", "many", "one"].map(|method| marked("a", &format!("server.{method}"), "x")));
        cluster.settle();
        let many = numbers(0..600, |number| number.to_string());
        let one = vec!["x".to_owned()];
        assert_eq!(*feedback.0.lock().unwrap(), [many.clone(), one.clone(), many, one].concat());
    });
}

/// What a method gives is on its way to another part when the method has ended.
#[test]
fn a_blocking_part_waits_for_what_its_feedback_is_rerouted_to() {
    seeds(100, |cluster| {
        let (part, most) = ask("ask", "answers");
        let feedback = Feedback::default();
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", PullService::new("pull").hooks(feedback.clone()), Route::to("Methods").blocking())
            .register_outbound("Methods", Methods::default(), "Ask")
            .register_outbound("Ask", part, Route::exterior())
            .service(Twice);
        let node = cluster.add(template.plan());
        cluster.add(answerer("ask", "answers"));
        cluster.sends("pull", (0..10).map(|number| marked("a", "server.foo", number.to_string())));
        cluster.settle();
        let twice = (0..10).flat_map(|number| [format!("<{number}>"), format!("<{number}>")]);
        assert_eq!(*feedback.0.lock().unwrap(), twice.collect::<Vec<_>>());
        assert_eq!(*most.lock().unwrap(), 2, "the results of one message, and of no other");
        assert!(cluster.engine(node).is_idle());
    });
}

#[derive(Default)]
struct Twice;

#[crate::server]
impl Twice {
    fn foo(&mut self, text: String) -> impl Iterator<Item = String> {
        std::iter::repeat_n(text, 2)
    }
}

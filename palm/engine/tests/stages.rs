//! Servers, pipelines, tees and sinks: every message answered once, each client's in order.

use super::client::{marked, numbers};
use super::cluster::seeds;
use crate::engine::Counter;
use crate::wire::{Code, Message};
use crate::{Pipeline, Server, Sink, Topic};

#[derive(Default)]
pub(super) struct Tag(pub(super) &'static str);

#[crate::server]
impl Tag {
    fn foo(&mut self, text: &str) -> String {
        format!("{}({text})", self.0)
    }
}

#[derive(Default)]
pub(super) struct Stage(pub(super) &'static str);

#[crate::pipeline]
impl Stage {
    fn foo(&mut self, text: &str) -> String {
        format!("{}({text})", self.0)
    }

    /// Nothing for odd numbers.
    fn even(&mut self, text: &str) -> Option<String> {
        text.ends_with(['0', '2', '4', '6', '8']).then(|| text.to_owned())
    }
}

#[derive(Default)]
struct Last;

#[crate::sink]
impl Last {
    fn foo(&mut self, text: &str) -> String {
        format!("sink({text})")
    }
}

/// Sends even numbers one way and odd ones the other.
#[derive(Default)]
struct Split;

#[crate::server]
impl Split {
    fn foo(&mut self, text: String) -> String {
        text
    }

    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        let even = message.payload().last().is_some_and(|digit| digit % 2 == 0);
        message.next_stage();
        if even { "even".into() } else { "odd".into() }
    }
}

#[test]
fn a_server_answers_each_message_once_and_each_client_in_order() {
    seeds(300, |cluster| {
        let server = Server::new("server", Tag("s")).pull_address("pull").pub_address("pub");
        let server = cluster.add(server.plan());
        let subs: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|client| {
                // What is answered without the user's code keeps its place among what is not.
                let functions = ["server.foo", "server.echo", "server.none", "other.foo", "server.foo", "nothing"];
                let messages = (0..18).map(|number| marked(client, functions[number % 6], number.to_string()));
                cluster.sends("pull", messages);
                cluster.subscribes("pub", client)
            })
            .collect();
        cluster.settle();
        for sub in subs {
            let answers = cluster.messages(sub);
            assert_eq!(answers.len(), 18);
            for (number, answer) in answers.iter().enumerate() {
                let code = answer.error().map(|error| Code::from(error.code));
                let (expected, payload) = match number % 6 {
                    0 | 4 => (None, format!("s({number})")),
                    1 => (None, number.to_string()),
                    3 => (Some(Code::WrongServer), "0".to_owned()),
                    _ => (Some(Code::UnknownMethod), "0".to_owned()),
                };
                assert_eq!((code, &answer.payload()[..]), (expected, payload.as_bytes()), "number {number}");
            }
        }
        assert_eq!(cluster.count(server, Counter::Received), 54);
        assert_eq!(cluster.count(server, Counter::Calls), 18);
        assert_eq!(cluster.count(server, Counter::Sent), 54);
        assert_eq!(cluster.count(server, Counter::Expired), 0);
        assert!(cluster.engine(server).is_idle());
    });
}

#[test]
fn a_chain_of_pipelines_keeps_the_order_and_loses_nothing() {
    seeds(300, |cluster| {
        // From the last to the first, or the other way round: who is there first does not matter.
        let mut plans = vec![
            Server::new("one", Tag("1")).pull_address("pull").pub_address("pub1").pipelined(true).plan(),
            Pipeline::new("two", Stage("2"))
                .sub_address("pub1")
                .previous("one")
                .pub_address("pub2")
                .to_client(false)
                .plan(),
            Pipeline::new("three", Stage("3")).sub_address("pub2").previous("two").pub_address("pub3").plan(),
        ];
        if cluster.random.below(2) == 0 {
            plans.reverse();
        }
        let nodes: Vec<_> = plans.into_iter().map(|plan| cluster.add(plan)).collect();
        let subs: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|client| {
                let messages = (0..16).map(|number| marked(client, "one.foo two.foo three.foo", number.to_string()));
                cluster.sends("pull", messages);
                cluster.subscribes("pub3", client)
            })
            .collect();
        cluster.settle();
        for sub in subs {
            assert_eq!(cluster.payloads(sub), numbers(0..16, |number| format!("3(2(1({number})))")));
            assert!(cluster.messages(sub).iter().all(|message| message.stage() == 2));
        }
        for node in nodes {
            assert_eq!(cluster.count(node, Counter::Received), 32);
            assert!(cluster.engine(node).is_idle());
        }
    });
}

#[test]
fn an_error_goes_through_the_later_stages_as_it_is() {
    seeds(50, |cluster| {
        cluster.add(Server::new("one", Tag("1")).pull_address("pull").pub_address("pub1").pipelined(true).plan());
        cluster.add(Pipeline::new("two", Stage("2")).sub_address("pub1").previous("one").pub_address("pub2").plan());
        cluster.sends(
            "pull",
            [marked("a", "one.none two.foo", "x"), marked("a", "one.foo", "y"), marked("a", "one.foo two.", "z")],
        );
        let sub = cluster.subscribes("pub2", "a");
        cluster.settle();
        let errors: Vec<_> = cluster.messages(sub).iter().map(|message| message.error().unwrap()).collect();
        assert_eq!(errors.iter().map(|error| &*error.component).collect::<Vec<_>>(), ["one", "two", "two"]);
        assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), [3, 4, 3]);
    });
}

#[test]
fn a_stage_that_gives_nothing_delivers_nothing() {
    seeds(50, |cluster| {
        cluster.add(Server::new("one", Tag("1")).pull_address("pull").pub_address("pub1").pipelined(true).plan());
        cluster.add(Pipeline::new("two", Stage("2")).sub_address("pub1").previous("one").pub_address("pub2").plan());
        cluster.sends("pull", (0..20).map(|number| marked("a", "one.echo two.even", number.to_string())));
        let sub = cluster.subscribes("pub2", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(0..10, |number| (2 * number).to_string()));
    });
}

/// One publisher, two stages that both get everything: what is published before both are there waits for the second.
#[test]
fn a_tee_waits_for_as_many_subscribers_as_it_was_told() {
    seeds(300, |cluster| {
        let server = Server::new("one", Tag("1")).pull_address("pull").pub_address("pub1").pipelined(true);
        cluster.add(server.expected_subscribers(2).plan());
        for (name, address) in [("two", "pub2"), ("two", "pub3")] {
            cluster
                .add(Pipeline::new(name, Stage("2")).sub_address("pub1").previous("one").pub_address(address).plan());
        }
        cluster.sends("pull", (0..16).map(|number| marked("a", "one.foo two.foo", number.to_string())));
        let subs = ["pub2", "pub3"].map(|address| cluster.subscribes(address, "a"));
        cluster.settle();
        for sub in subs {
            assert_eq!(cluster.payloads(sub), numbers(0..16, |number| format!("2(1({number}))")));
        }
    });
}

#[test]
fn streams_that_part_come_together_in_a_sink() {
    seeds(300, |cluster| {
        cluster.add(Server::new("split", Split).pull_address("pull").pub_address("pub").pipelined(true).plan());
        for (name, address) in [("even", "even"), ("odd", "odd")] {
            let stage = Pipeline::new("stage", Stage(name)).sub_address("pub").previous(name).pub_address(address);
            cluster.add(stage.to_client(false).plan());
        }
        let sink = Sink::new("last", Last).sub_addresses(["even", "odd"]).previous(["stage", "stage"]);
        let sink = cluster.add(sink.pub_address("out").plan());
        cluster.sends("pull", (0..24).map(|number| marked("a", "split.foo stage.foo last.foo", number.to_string())));
        let sub = cluster.subscribes("out", "a");
        cluster.settle();
        let answers = cluster.payloads(sub);
        assert_eq!(answers.len(), 24);
        for (name, first) in [("even", 0), ("odd", 1)] {
            let own: Vec<_> = answers.iter().filter(|answer| answer.contains(name)).cloned().collect();
            assert_eq!(own, numbers(0..12, |number| format!("sink({name}({}))", 2 * number + first)));
        }
        assert_eq!(cluster.count(sink, Counter::Received), 24);
    });
}

/// Connections of the link between components are cut, and every message comes through once and in order.
#[test]
fn a_link_between_components_that_is_cut_loses_nothing() {
    seeds(200, |cluster| {
        let one = Server::new("one", Tag("1")).pull_address("pull").pub_address("pub1").pipelined(true);
        let two = Pipeline::new("two", Stage("2")).sub_address("pub1").previous("one").pub_address("pub2");
        let nodes = [cluster.add(one.plan()), cluster.add(two.plan())];
        // The subscription has given way to the link.
        cluster.settle();
        cluster.sends("pull", (0..60).map(|number| marked("a", "one.foo two.foo", number.to_string())));
        let sub = cluster.subscribes("pub2", "a");
        for _ in 0..3 {
            for _ in 0..cluster.random.below(100) {
                cluster.step();
            }
            let linked = cluster.net.linked();
            assert_eq!(linked.len(), 1);
            cluster.net.cut(linked[0]);
        }
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(0..60, |number| format!("2(1({number}))")));
        for node in nodes {
            assert_eq!(cluster.count(node, Counter::Undecodable), 0);
        }
    });
}

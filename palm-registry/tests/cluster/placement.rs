//! The worked examples of the original's placement, each with the better answer.

use palm_registry::api::{Instance, RestartPolicy, RestartWhen};
use palm_registry::cluster::{ClusterFile, Node, NodeFile, Placement, PlacementError, collisions};
use uuid::Uuid;

const VALUATION: &str = "[Valuation Master]
Script = python3 master.py --name foo
--pull = _1
--pub = _2
--wpush = _3
--wpull = _4
--db = _5
[Valuation Worker]
Script = python3 worker.py
--db = _5
Connected = Valuation Master
Role = Worker
Replicas = 1
";

const MASTER: &str = "python3 master.py --name foo --pull tcp://127.0.0.1:5555 --pub tcp://127.0.0.1:5556 \
                      --wpush tcp://127.0.0.1:5557 --wpull tcp://127.0.0.1:5558 --db tcp://127.0.0.1:5559";
const WORKER: &str = "python3 worker.py --db tcp://127.0.0.1:5559";

/// A cluster and what it answers to old runners.
struct Cluster {
    file: ClusterFile,
    placement: Placement,
}

fn cluster(text: &str) -> Cluster {
    Cluster { file: ClusterFile::parse(text).unwrap(), placement: Placement::default() }
}

impl Cluster {
    fn old(&mut self, ip: &str, processors: u32, ports_from: u16) -> Vec<String> {
        let node = NodeFile { ip: ip.into(), processors, ports_from, name: None }.node();
        commands(self.placement.place_unnamed(&self.file, &node).unwrap())
    }

    fn ours(&mut self, id: u128, ip: &str, processors: u32) -> Vec<Instance> {
        self.placement.place(&self.file, &node(id, ip, processors)).unwrap()
    }

    fn names(&mut self, id: u128, ip: &str, processors: u32) -> Vec<String> {
        self.ours(id, ip, processors).into_iter().map(|instance| instance.name).collect()
    }
}

fn node(id: u128, ip: &str, processors: u32) -> Node {
    Node { id: Uuid::from_u128(id), ip: ip.into(), processors, ports_from: 5555, name: None }
}

fn commands(instances: Vec<Instance>) -> Vec<String> {
    instances.into_iter().map(|instance| instance.command).collect()
}

#[test]
fn e1_one_node_gets_all() {
    let mut cluster = cluster(VALUATION);
    assert_eq!(cluster.old("127.0.0.1", 3, 5555), [MASTER, WORKER, WORKER]);
    let status = cluster.placement.status(&cluster.file).unwrap();
    assert_eq!(status["highest port used"]["127.0.0.1"], 5560);
    assert_eq!(status["ready"], true);
}

#[test]
fn e2_workers_on_another_node_get_the_masters_address() {
    let mut cluster = cluster(VALUATION);
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), [MASTER]);
    assert_eq!(cluster.placement.status(&cluster.file).unwrap()["ready"], false);
    assert_eq!(cluster.old("127.0.0.2", 2, 5555), [WORKER, WORKER]);
    assert!(cluster.old("127.0.0.3", 1, 5555).is_empty());
    let status = cluster.placement.status(&cluster.file).unwrap();
    assert_eq!(status["ready"], true);
    let resources = &status["configured resources"];
    assert_eq!(resources["Valuation Worker 1"]["node"], "127.0.0.2");
    assert_eq!(resources["Valuation Worker 1"].get("ready"), None);
    assert_eq!(resources["Valuation Worker 2"]["ready"], true);
    assert_eq!(resources["Valuation Master"]["ready"], true);
    assert_eq!(resources["Valuation Worker 2"]["commands"][1], "--db tcp://127.0.0.1:5559");
}

#[test]
fn e3_a_processor_that_is_left_over_loses_nothing() {
    assert_eq!(cluster(VALUATION).old("127.0.0.1", 4, 5555), [MASTER, WORKER, WORKER]);
}

#[test]
fn e4_a_second_runner_on_one_address_gets_its_own_only() {
    let mut cluster = cluster(VALUATION);
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), [MASTER]);
    assert_eq!(cluster.old("127.0.0.1", 2, 5565), [WORKER, WORKER]);
    assert_eq!(cluster.placement.status(&cluster.file).unwrap()["highest port used"]["127.0.0.1"], 5565);
}

#[test]
fn e5_default_runners_on_one_machine_share_the_work() {
    let mut cluster = cluster(VALUATION);
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), [MASTER]);
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), [WORKER]);
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), [WORKER]);
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), [MASTER, WORKER, WORKER]);
}

#[test]
fn e6_a_node_comes_back_after_a_crash() {
    let mut cluster = cluster(VALUATION);
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), [MASTER]);
    assert_eq!(cluster.old("127.0.0.2", 2, 5555), [WORKER, WORKER]);
    assert_eq!(cluster.old("127.0.0.2", 2, 5555), [WORKER, WORKER]);
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), [MASTER]);
}

#[test]
fn e7_unconnected_components_are_placed_in_the_order_of_the_file() {
    let mut cluster = cluster("[A]\nScript = a\n--x = _1\n[B]\nScript = b\n--x = _2\n[Cc]\nScript = c\n--x = _3\n");
    assert_eq!(
        cluster.old("127.0.0.1", 3, 5555),
        ["a --x tcp://127.0.0.1:5555", "b --x tcp://127.0.0.1:5556", "c --x tcp://127.0.0.1:5557"]
    );
}

#[test]
fn e8_a_name_that_begins_like_another_is_another() {
    assert_eq!(cluster("[Work]\nScript = a\n[Worker]\nScript = b\n").old("127.0.0.1", 2, 5555), ["a", "b"]);
}

#[test]
fn e9_a_chain_is_placed_from_its_beginning() {
    let mut cluster = cluster(
        "[C]\nScript = c\n--x = _2\nConnected = B\n[B]\nScript = b\n--x = _2\n--y = _1\nConnected = A\n[A]\nScript = a\n--y = _1\n",
    );
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), ["a --y tcp://127.0.0.1:5555"]);
    assert_eq!(cluster.old("127.0.0.2", 1, 5555), ["b --x tcp://127.0.0.2:5555 --y tcp://127.0.0.1:5555"]);
    assert_eq!(cluster.old("127.0.0.3", 1, 5555), ["c --x tcp://127.0.0.2:5555"]);
}

#[test]
fn e10_a_worker_that_is_not_connected_stands_after_its_master() {
    let mut cluster = cluster("[M]\nScript = m\n--db = _5\n[W]\nScript = w\n--db = _5\n");
    assert_eq!(cluster.old("127.0.0.1", 1, 5555), ["m --db tcp://127.0.0.1:5555"]);
    assert_eq!(cluster.old("127.0.0.2", 1, 5555), ["w --db tcp://127.0.0.1:5555"]);
}

#[test]
fn e11_ports_go_on_from_the_highest_and_never_back() {
    let mut cluster =
        cluster("[A]\nScript = a\n--x = _1\n--y = _2\n[B]\nScript = b\n--x = _3\n[D]\nScript = d\n--x = _4\n");
    assert_eq!(cluster.old("127.0.0.1", 1, 7000), ["a --x tcp://127.0.0.1:7000 --y tcp://127.0.0.1:7001"]);
    assert_eq!(cluster.old("127.0.0.1", 1, 6000), ["b --x tcp://127.0.0.1:7002"]);
    assert_eq!(cluster.old("127.0.0.1", 1, 9000), ["d --x tcp://127.0.0.1:9000"]);
    assert_eq!(cluster.placement.status(&cluster.file).unwrap()["highest port used"]["127.0.0.1"], 9001);
}

#[test]
fn e12_clusters_have_ports_of_their_own_and_it_is_told_where_they_collide() {
    let (mut one, mut other) = (cluster(VALUATION), cluster(VALUATION));
    assert_eq!(one.old("127.0.0.1", 1, 5555), [MASTER]);
    assert_eq!(other.old("127.0.0.1", 1, 5555), [MASTER]);
    // They collide, and where ports are free for both can be told.
    let found = collisions(&one.placement, &other.placement);
    assert_eq!((found.len(), found[0].addresses.len(), found[0].free_from), (1, 5, 5560));
    other.placement.reset();
    other.old("127.0.0.1", 1, 5560);
    assert_eq!(collisions(&one.placement, &other.placement), []);
}

#[test]
fn our_runners_get_exactly_what_they_had() {
    let mut cluster = cluster(VALUATION);
    assert_eq!(cluster.names(2, "127.0.0.1", 1), ["Valuation Master"]);
    assert_eq!(cluster.names(1, "127.0.0.1", 1), ["Valuation Worker 1"]);
    assert_eq!(cluster.names(2, "127.0.0.1", 1), ["Valuation Master"]);
    assert_eq!(cluster.names(3, "127.0.0.1", 5), ["Valuation Worker 2"]);
    assert_eq!(cluster.names(1, "127.0.0.1", 1), ["Valuation Worker 1"]);
    assert_eq!(cluster.names(3, "127.0.0.1", 5), ["Valuation Worker 2"]);
    assert!(cluster.names(4, "127.0.0.1", 5).is_empty());
}

#[test]
fn a_node_with_more_processors_than_before_gets_more_and_one_with_fewer_gives_the_last_back() {
    let mut cluster = cluster(VALUATION);
    assert_eq!(cluster.names(1, "127.0.0.1", 1), ["Valuation Master"]);
    assert_eq!(cluster.names(1, "127.0.0.1", 3), ["Valuation Master", "Valuation Worker 1", "Valuation Worker 2"]);
    assert_eq!(cluster.names(1, "127.0.0.1", 2), ["Valuation Master", "Valuation Worker 1"]);
    assert_eq!(cluster.names(2, "127.0.0.2", 1), ["Valuation Worker 2"]);
}

#[test]
fn what_a_forgotten_node_ran_goes_to_the_next_free_processor() {
    let mut cluster = cluster(VALUATION);
    cluster.ours(1, "127.0.0.1", 1);
    let workers = cluster.ours(2, "127.0.0.2", 2);
    assert!(cluster.placement.forget(Uuid::from_u128(1)));
    assert!(!cluster.placement.forget(Uuid::from_u128(1)));
    // A processor that is not free changes nothing.
    assert_eq!(cluster.ours(2, "127.0.0.2", 2), workers);
    let master = cluster.ours(3, "127.0.0.3", 1);
    assert_eq!(master[0].name, "Valuation Master");
    assert!(master[0].command.ends_with("--db tcp://127.0.0.3:5559"), "{}", master[0].command);
    // The workers have another address to connect to, and are asked to begin anew.
    let again = cluster.ours(2, "127.0.0.2", 2);
    assert_eq!(again[0].command, "python3 worker.py --db tcp://127.0.0.3:5559");
    assert!(again.iter().zip(&workers).all(|(new, old)| new.generation > old.generation));
    assert_eq!(cluster.ours(2, "127.0.0.2", 2), again);
}

#[test]
fn addresses_stay_where_the_machine_stays() {
    let mut cluster = cluster(VALUATION);
    cluster.ours(1, "127.0.0.1", 1);
    let workers = cluster.ours(2, "127.0.0.2", 2);
    cluster.placement.forget(Uuid::from_u128(1));
    assert_eq!(commands(cluster.ours(3, "127.0.0.1", 1)), [MASTER]);
    assert_eq!(cluster.ours(2, "127.0.0.2", 2), workers);
}

#[test]
fn a_node_that_moves_takes_its_addresses_along() {
    let mut cluster = cluster(VALUATION);
    cluster.ours(1, "10.0.0.1", 1);
    let workers = cluster.ours(2, "10.0.0.2", 2);
    assert!(cluster.ours(1, "10.0.0.9", 1)[0].command.ends_with("--db tcp://10.0.0.9:5559"));
    let again = cluster.ours(2, "10.0.0.2", 2);
    assert_eq!(again[0].command, "python3 worker.py --db tcp://10.0.0.9:5559");
    assert!(again[0].generation > workers[0].generation);
}

#[test]
fn a_reset_begins_anew_and_asks_for_a_restart() {
    let mut cluster = cluster(VALUATION);
    let before = cluster.ours(1, "127.0.0.1", 3);
    cluster.placement.reset();
    assert_eq!(cluster.placement.status(&cluster.file), None);
    let after = cluster.ours(1, "127.0.0.1", 3);
    assert_eq!(commands(after.clone()), commands(before.clone()));
    assert!(after.iter().zip(&before).all(|(new, old)| new.generation > old.generation));
}

#[test]
fn a_restart_is_asked_of_one_instance() {
    let mut cluster = cluster(VALUATION);
    let before = cluster.ours(1, "127.0.0.1", 3);
    assert!(cluster.placement.restart("Valuation Worker 1"));
    assert!(!cluster.placement.restart("Valuation Worker"));
    let after = cluster.ours(1, "127.0.0.1", 3);
    assert!(after[1].generation > before[1].generation);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
}

#[test]
fn without_a_port_nothing_is_placed() {
    let mut cluster = cluster("[A]\nScript = a\n[B]\nScript = b\n--x = _1\n--y = _2\n");
    let node = NodeFile { processors: 2, ports_from: 65_535, ..NodeFile::default() }.node();
    let expected = PlacementError::NoPort { component: "B".into(), ip: "127.0.0.1".into() };
    assert_eq!(cluster.placement.place(&cluster.file, &node), Err(expected.clone()));
    assert_eq!(cluster.placement.place_unnamed(&cluster.file, &node), Err(expected));
    assert_eq!(cluster.placement, Placement::default());
}

#[test]
fn nodes_are_bounded_and_those_without_work_leave_no_trace() {
    let mut cluster = cluster(VALUATION);
    cluster.old("127.0.0.1", 3, 5555);
    for port in 1..100 {
        assert!(cluster.old("127.0.0.1", 1, port).is_empty());
    }
    assert_eq!(cluster.placement.nodes().count(), 1);
    let mut stored = serde_json::to_value(&cluster.placement).unwrap();
    for id in 1..10_000 {
        let node = node(id, "127.0.0.1", 1);
        stored["nodes"][node.id.to_string()] = serde_json::to_value(&node).unwrap();
    }
    cluster.placement = serde_json::from_value(stored).unwrap();
    let surplus = cluster.placement.place(&cluster.file, &node(10_000, "127.0.0.1", 1));
    assert_eq!(surplus, Err(PlacementError::TooManyNodes));
    assert!(cluster.placement.forget(Uuid::from_u128(1)));
    assert!(cluster.placement.place(&cluster.file, &node(10_000, "127.0.0.1", 1)).is_ok());
}

#[test]
fn the_last_port_is_given_out() {
    let mut cluster = cluster("[A]\nScript = a\n--x = _1\n--y = _2\n");
    assert_eq!(cluster.old("127.0.0.1", 1, 65_534), ["a --x tcp://127.0.0.1:65534 --y tcp://127.0.0.1:65535"]);
}

#[test]
fn commands_are_exact_strings_for_old_runners_and_words_for_ours() {
    let mut cluster = cluster(
        "[DEFAULT]\n--log = info\n[A]\nScript = run {_2} \"two words\" {{x}}\n--Name = foo bar\n--quiet =\n--a = _1\nport = _2\n\
         Restart = failure\nAttempts = 3\nGrace = 30\n",
    );
    let instance = cluster.ours(1, "127.0.0.1", 1).remove(0);
    let command =
        "run tcp://127.0.0.1:5556 \"two words\" {x} --Name foo bar --quiet --a tcp://127.0.0.1:5555 --log info";
    assert_eq!(instance.command, command);
    let words = [
        "run",
        "tcp://127.0.0.1:5556",
        "two words",
        "{x}",
        "--Name",
        "foo",
        "bar",
        "--quiet",
        "--a",
        "tcp://127.0.0.1:5555",
        "--log",
        "info",
    ];
    assert_eq!(instance.argv, words);
    assert_eq!(instance.restart, RestartPolicy { when: RestartWhen::Failure, attempts: Some(3) });
    assert_eq!(instance.grace_seconds, 30);
}

/// What the original registry answers to one node with a processor for each instance.
#[test]
fn odd_files_get_the_commands_and_ports_they_always_got() {
    for (text, command) in [
        ("[A]\nScript = a b\n  c\n--x = _1\n--y=_2\n", "a b\nc --x tcp://127.0.0.1:5555 --y tcp://127.0.0.1:5556"),
        ("[A]\nScript = a {_1} {{x}}\n--x = _1\n", "a tcp://127.0.0.1:5555 {x} --x tcp://127.0.0.1:5555"),
        (
            "[DEFAULT]\n--d = _9\n[A]\nScript = a\n--x = _1\nport = _2\n--y: _3\n",
            "a --x tcp://127.0.0.1:5555 --y tcp://127.0.0.1:5557 --d tcp://127.0.0.1:5558",
        ),
        ("[A]\nScript = a 100%% %(role)s\nRole = Foo\n--x = _1\n", "a 100% Foo --x tcp://127.0.0.1:5555"),
        ("[A]\nScript = _s\n--x = _1\n", "_s --x tcp://127.0.0.1:5556"),
        ("[A]\nScript = a\nRole = _r\n--x = _1\n", "a --x tcp://127.0.0.1:5556"),
        (
            "[A]\nScript = a \"q r\" 'z'\n--x  =  _1\n--x y = _1\n--z = _\n",
            "a \"q r\" 'z' --x tcp://127.0.0.1:5555 --x y tcp://127.0.0.1:5555 --z tcp://127.0.0.1:5556",
        ),
        ("[A]\nScript = a\n--x = _1 _2\n", "a --x tcp://127.0.0.1:5555"),
        ("[A]\nScript = a\n-x = _1\n---y = _2\n", "a ---y tcp://127.0.0.1:5556"),
        ("[A]\nScript = a  \t  b\n", "a  \t  b"),
    ] {
        assert_eq!(cluster(text).old("127.0.0.1", 1, 5555), [command], "{text}");
    }
}

#[test]
fn a_circle_is_placed_and_warned_of() {
    let mut cluster =
        cluster("[A]\nScript = a\nConnected = B\n[B]\nScript = b\nConnected = A, A\n[C]\nScript = c\nConnected = C\n");
    assert_eq!(cluster.old("127.0.0.1", 3, 5555), ["c", "a", "b"]);
    let warnings: Vec<_> = cluster.file.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "line 7, [C], `Connected`: it is connected to itself",
            "line 1, [A], `Connected`: it is connected to itself by way of others"
        ]
    );
}

#[test]
fn a_placement_is_stored_as_json() {
    let mut cluster = cluster(VALUATION);
    cluster.ours(1, "127.0.0.1", 2);
    cluster.old("127.0.0.2", 1, 5555);
    let stored = serde_json::to_string(&cluster.placement).unwrap();
    assert_eq!(serde_json::from_str::<Placement>(&stored).unwrap(), cluster.placement);
}

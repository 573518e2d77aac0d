//! What holds for every cluster, whatever its nodes do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use palm_registry::cluster::{ClusterFile, Component, Node, Placement};
use proptest::prelude::*;
use uuid::Uuid;

/// What happens to a cluster.
#[derive(Clone, Debug)]
enum Step {
    /// A node of ours joins, or is heard of again.
    Join {
        node: u8,
        machine: u8,
        processors: u32,
    },
    /// An old runner asks.
    Old {
        machine: u8,
        processors: u32,
    },
    Forget {
        node: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..5_u8, 1..5_u32).prop_map(|(node, processors)| Step::Join { node, machine: node / 2, processors }),
        1 => (0..5_u8, 0..3_u8, 1..5_u32).prop_map(|(node, machine, processors)| Step::Join { node, machine, processors }),
        2 => (0..3_u8, 1..5_u32).prop_map(|(machine, processors)| Step::Old { machine, processors }),
        1 => (0..5_u8).prop_map(|node| Step::Forget { node }),
    ]
}

/// A file of up to six components: placeholders, replicas, and who is connected to whom.
fn file() -> impl Strategy<Value = String> {
    let section = (prop::collection::btree_set(1..6_u8, 0..4), 0..4_u32, prop::option::of(0..6_usize));
    prop::collection::vec(section, 1..6).prop_map(|sections| {
        let mut text = String::new();
        for (index, (placeholders, replicas, connected)) in sections.into_iter().enumerate() {
            // Each name begins like another one.
            let _ = write!(text, "[{}]\nScript = run\nReplicas = {replicas}\n", "W".repeat(index + 1));
            for placeholder in placeholders {
                let _ = writeln!(text, "--a{placeholder} = _{placeholder}");
            }
            if let Some(other) = connected {
                let _ = writeln!(text, "Connected = {}", "W".repeat(other + 1));
            }
        }
        text
    })
}

fn machine(number: u8) -> String {
    format!("10.0.0.{number}")
}

fn ours(node: u8, on: u8, processors: u32) -> Node {
    Node { id: Uuid::from_u128(node.into()), ip: machine(on), processors, ports_from: 5555, name: None }
}

fn old(on: u8, processors: u32) -> Node {
    palm_registry::cluster::NodeFile { ip: machine(on), processors, ports_from: 5555, name: None }.node()
}

fn check(file: &ClusterFile, placement: &Placement) {
    let wanted: BTreeSet<String> = file.components().iter().flat_map(Component::instances).collect();
    assert_eq!(wanted.len() as u64, file.wanted(), "each instance has a name of its own");
    let placed: BTreeSet<String> = placement.placed().iter().map(|placed| placed.name.clone()).collect();
    assert_eq!(placed.len(), placement.placed().len(), "an instance is placed twice");
    let unplaced: BTreeSet<String> = placement.unplaced(file).into_iter().collect();
    assert!(placed.is_disjoint(&unplaced));
    assert_eq!(&placed | &unplaced, wanted, "an instance is lost");
    assert_eq!(placement.is_complete(file), unplaced.is_empty());
    assert_eq!(placement.instances(file).len(), placed.len());
    let addresses = placement.addresses();
    let distinct: BTreeSet<&String> = addresses.values().collect();
    assert_eq!(distinct.len(), addresses.len(), "an address is given twice: {addresses:?}");
    for instance in placement.instances(file) {
        assert!(!instance.command.contains('_'), "a placeholder has no address: {}", instance.command);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_is_placed_twice_or_lost(text in file(), steps in prop::collection::vec(step(), 1..20)) {
        let file = ClusterFile::parse(&text).unwrap();
        let mut placement = Placement::default();
        // What each node runs, of those that are ours.
        let mut known: BTreeMap<u8, (u8, u32)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Join { node, machine, processors } => {
                    let before = placement.instances_of(&file, Uuid::from_u128(node.into()));
                    let node_of = ours(node, machine, processors);
                    let answer = placement.place(&file, &node_of).unwrap();
                    prop_assert!(answer.len() <= processors as usize);
                    prop_assert_eq!(&placement.place(&file, &node_of).unwrap(), &answer, "asked again, it is another");
                    if known.insert(node, (machine, processors)).is_some_and(|(at, _)| at == machine) {
                        // It keeps what it had, as far as its processors go.
                        let kept = before.iter().take(processors as usize).map(|instance| &instance.name);
                        prop_assert!(answer.iter().map(|instance| &instance.name).take(kept.len()).eq(kept));
                    }
                    prop_assert!(placement.is_complete(&file) || answer.len() == processors as usize);
                }
                Step::Old { machine, processors } => {
                    let left = placement.unplaced(&file).len();
                    let answer = placement.place_unnamed(&file, &old(machine, processors)).unwrap();
                    if left > 0 {
                        prop_assert_eq!(answer.len(), left.min(processors as usize));
                    }
                }
                Step::Forget { node } => {
                    prop_assert_eq!(placement.forget(Uuid::from_u128(node.into())), known.remove(&node).is_some());
                }
            }
            check(&file, &placement);
        }
    }

    #[test]
    fn addresses_are_stable_as_long_as_no_node_goes(text in file(), nodes in prop::collection::vec((0..3_u8, 1..4_u32), 1..8)) {
        let file = ClusterFile::parse(&text).unwrap();
        let mut placement = Placement::default();
        let mut addresses = BTreeMap::new();
        for (index, (machine, processors)) in nodes.iter().enumerate() {
            placement.place(&file, &ours(u8::try_from(index).unwrap(), *machine, *processors)).unwrap();
            let now = placement.addresses();
            prop_assert!(addresses.iter().all(|(name, address)| now.get(name) == Some(address)));
            addresses = now;
        }
        prop_assert!(placement.instances(&file).iter().all(|instance| instance.generation == 0));
    }

    #[test]
    fn with_processors_enough_all_is_placed(text in file()) {
        let file = ClusterFile::parse(&text).unwrap();
        let mut placement = Placement::default();
        let answer = placement.place(&file, &ours(1, 1, u32::MAX)).unwrap();
        prop_assert_eq!(answer.len() as u64, file.components().iter().map(|c| u64::from(c.replicas) + 1).sum::<u64>());
        prop_assert!(placement.is_complete(&file));
        check(&file, &placement);
    }
}

//! The order in which components are placed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::component::Component;
use super::fault::FileError;

/// Each component after those that it is connected to, otherwise in the order of the file. A circle is begun where the file does.
pub(super) fn of(components: &[Component], warnings: &mut Vec<FileError>) -> Vec<usize> {
    let index: HashMap<&str, usize> =
        components.iter().enumerate().map(|(index, component)| (component.name.as_str(), index)).collect();
    let mut followers = vec![Vec::new(); components.len()];
    let mut awaited = vec![0_usize; components.len()];
    for (follower, component) in components.iter().enumerate() {
        for name in &component.connected {
            match index.get(name.as_str()) {
                Some(first) if *first != follower => {
                    followers[*first].push(follower);
                    awaited[follower] += 1;
                }
                Some(_) => warnings.push(warning(component, "it is connected to itself".into())),
                None => warnings.push(warning(component, format!("there is no section `{name}`"))),
            }
        }
    }
    let mut ready: BinaryHeap<_> = (0..components.len()).filter(|index| awaited[*index] == 0).map(Reverse).collect();
    let mut placed = vec![false; components.len()];
    let mut order = Vec::with_capacity(components.len());
    let mut rest = 0..components.len();
    while order.len() < components.len() {
        let next = match ready.pop() {
            Some(Reverse(next)) => next,
            // Only circles are left.
            None => match rest.find(|index| !placed[*index]) {
                Some(first) => {
                    warnings.push(warning(&components[first], "it is connected to itself by way of others".into()));
                    first
                }
                None => break,
            },
        };
        if std::mem::replace(&mut placed[next], true) {
            continue;
        }
        order.push(next);
        for follower in &followers[next] {
            awaited[*follower] = awaited[*follower].saturating_sub(1);
            if awaited[*follower] == 0 {
                ready.push(Reverse(*follower));
            }
        }
    }
    order
}

fn warning(component: &Component, text: String) -> FileError {
    FileError::new(component.line, text).of(&component.name).at("Connected")
}

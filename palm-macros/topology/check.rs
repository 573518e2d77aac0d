//! Rules across the parts of a topology. What only a part's type knows is left to constants that rustc evaluates.

use std::collections::{HashMap, HashSet};

use syn::Expr;

use super::address::{Place, place};
use super::model::{Direction, Part, Target, Topology};
use super::names;
use super::parse::{Declaration, Source};
use crate::errors::Errors;
use crate::nearest::suggestion;
use crate::source::literal;

pub(super) fn check(source: Source, errors: &mut Errors) -> Topology {
    let declarations = distinct(source.parts, &source.name, errors);
    let before = errors.count();
    let targets = Routes { declarations: &declarations }.targets(errors);
    if errors.count() == before {
        check_cycles(&declarations, &targets, errors);
        check_reached(&declarations, &targets, errors);
    }
    let blocking = check_blocking(&declarations, &targets, errors);
    let shared_addresses = check_addresses(&declarations, errors);
    let part = |(declaration, target): (Declaration, Target)| Part {
        direction: declaration.direction,
        setter: names::setter(&declaration.name),
        name: declaration.name,
        docs: declaration.docs,
        kind: declaration.kind,
        options: declaration.options,
        address: declaration.address,
        target,
        blocking: declaration.blocking.is_some(),
        hooks: declaration.hooks,
        log: declaration.log.map(|(_, text)| text),
    };
    let parts = declarations.into_iter().zip(targets).map(part).collect();
    Topology {
        attributes: source.attributes,
        visibility: source.visibility,
        name: source.name,
        parts,
        shared_addresses,
        blocking,
    }
}

/// The parts whose names, and the builder methods made of them, are theirs alone.
fn distinct(parts: Vec<Declaration>, topology: &syn::Ident, errors: &mut Errors) -> Vec<Declaration> {
    if parts.is_empty() && errors.is_empty() {
        errors.on(topology, "a topology needs a part: `inbound Pull: PullService => Pub;`");
    }
    let mut taken: HashMap<String, String> = HashMap::new();
    let mut distinct = Vec::new();
    for part in parts {
        let (name, setter) = (&part.name, names::setter(&part.name).to_string());
        if *name == "discard" {
            errors.on(name, "a part cannot be called `discard`, since a route to `discard` leads nowhere");
        }
        match taken.insert(setter.clone(), name.to_string()) {
            Some(other) if *name == other => errors.on(name, format!("another part is called `{name}` already")),
            Some(other) => {
                errors.on(name, format!("`{name}` and `{other}` would share the method `{setter}`; rename one"));
            }
            None => distinct.push(part),
        }
    }
    distinct
}

struct Routes<'a> {
    declarations: &'a [Declaration],
}

impl Routes<'_> {
    fn targets(&self, errors: &mut Errors) -> Vec<Target> {
        self.declarations.iter().map(|part| self.target(part, errors)).collect()
    }

    fn target(&self, part: &Declaration, errors: &mut Errors) -> Target {
        if part.direction != Direction::Inbound
            && let Some(span) = part.blocking
        {
            errors.at(
                span,
                format!(
                    "only an inbound part can be `blocking`; `{}` is {} part",
                    part.name,
                    part.direction.with_article()
                ),
            );
        }
        match (&part.route, part.direction) {
            (Some(route), Direction::Bypass) => {
                errors.on(route, format!("a bypass part has no route; remove `=> {route}`"));
                Target::Exterior
            }
            (None, Direction::Bypass) => {
                let log = part.log.as_ref().map(|(word, _)| word);
                for word in part.hooks.iter().chain(log) {
                    errors.on(word, format!("nothing is routed through a bypass part; remove `{word}`"));
                }
                Target::Exterior
            }
            (None, Direction::Outbound) => Target::Exterior,
            (None, Direction::Inbound) => {
                errors.at(
                    part.end(),
                    format!("the inbound part `{}` has no route; write `=> Part`, or `=> discard` if it is meant to lead nowhere", part.name),
                );
                Target::Discard
            }
            (Some(route), _) if route == "discard" => Target::Discard,
            (Some(route), _) => self.find(route, errors).map_or(Target::Discard, Target::Part),
        }
    }

    /// The place of the outbound part that a route names.
    fn find(&self, route: &syn::Ident, errors: &mut Errors) -> Option<usize> {
        match self.declarations.iter().enumerate().find(|(_, part)| part.name == *route) {
            Some((place, part)) if part.direction == Direction::Outbound => Some(place),
            Some((_, part)) => {
                errors.on(
                    route,
                    format!("`{route}` is {} part; a route leads to an outbound one", part.direction.with_article()),
                );
                None
            }
            None => {
                let outbound = self.declarations.iter().filter(|part| part.direction == Direction::Outbound);
                let names: Vec<_> = outbound.map(|part| part.name.to_string()).collect();
                let hint = suggestion(&route.to_string(), names.iter().map(String::as_str));
                let known = match (hint.is_empty(), names.is_empty()) {
                    (false, _) => hint,
                    (true, true) => "; there is no outbound part at all".to_owned(),
                    (true, false) => format!("; there is `{}`", names.join("`, `")),
                };
                errors.on(route, format!("no outbound part is called `{route}`{known}"));
                None
            }
        }
    }
}

/// The outbound parts that a message passes, from the one at `start` on; those of a cycle once.
fn chain(start: usize, targets: &[Target]) -> Vec<usize> {
    let (mut chain, mut at) = (Vec::new(), Some(start));
    while let Some(place) = at {
        if chain.contains(&place) {
            break;
        }
        chain.push(place);
        at = match targets[place] {
            Target::Part(next) => Some(next),
            _ => None,
        };
    }
    chain
}

/// One error for each cycle, on the route by which it closes.
fn check_cycles(parts: &[Declaration], targets: &[Target], errors: &mut Errors) {
    let mut told = HashSet::new();
    for (place, part) in parts.iter().enumerate().filter(|(_, part)| part.direction == Direction::Outbound) {
        let chain = chain(place, targets);
        let last = chain[chain.len() - 1];
        if !matches!(targets[last], Target::Part(next) if next == place) {
            continue;
        }
        if chain.iter().all(|place| told.insert(*place)) {
            let names: Vec<_> = chain.iter().map(|&place| format!("`{}`", parts[place].name)).collect();
            let way = format!("{} -> `{}`", names.join(" -> "), part.name);
            errors.on(&parts[last].route, format!("messages would go round for ever: {way}"));
        }
    }
}

fn check_reached(parts: &[Declaration], targets: &[Target], errors: &mut Errors) {
    let from_inbound = parts.iter().zip(targets).filter_map(|(part, target)| match target {
        Target::Part(place) if part.direction == Direction::Inbound => Some(*place),
        _ => None,
    });
    let reached: HashSet<_> = from_inbound.flat_map(|place| chain(place, targets)).collect();
    for (place, part) in parts.iter().enumerate() {
        if part.direction == Direction::Outbound && !reached.contains(&place) {
            errors.on(
                &part.name,
                format!(
                    "nothing leads to the outbound part `{0}`; write `=> {0}` on another part, or remove it",
                    part.name
                ),
            );
        }
    }
}

/// A blocking inbound part waits for feedback, so whatever its messages pass has to give some.
fn check_blocking(parts: &[Declaration], targets: &[Target], errors: &mut Errors) -> Vec<(usize, Vec<usize>)> {
    let mut blocking = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let Some(span) = part.blocking.filter(|_| part.direction == Direction::Inbound && part.route.is_some()) else {
            continue;
        };
        let lost = |at: &str| {
            format!("`{}` would block for ever: what it sends is discarded {at}, so no feedback comes back", part.name)
        };
        match targets[place] {
            Target::Part(next) => {
                let chain = chain(next, targets);
                let last = chain[chain.len() - 1];
                if matches!(targets[last], Target::Discard)
                    && parts[last].route.as_ref().is_some_and(|route| route == "discard")
                {
                    errors.at(span, lost(&format!("behind `{}`", parts[last].name)));
                } else {
                    blocking.push((place, chain));
                }
            }
            _ if part.route.as_ref().is_some_and(|route| route == "discard") => errors.at(span, lost("at once")),
            _ => {}
        }
    }
    blocking
}

/// Literals only; pairs of parts on one address are returned.
fn check_addresses(parts: &[Declaration], errors: &mut Errors) -> Vec<(usize, usize)> {
    let mut places: Vec<(usize, Place)> = Vec::new();
    let mut shared = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let Some(address) = &part.address else { continue };
        let Some(literal) = literal(address) else {
            if let Expr::Lit(other) = address {
                errors.on(other, "an address is a string: `\"tcp://host:port\"`");
            }
            continue;
        };
        match place(&literal.value()) {
            Ok(place) => {
                shared
                    .extend(places.iter().filter(|(_, other)| place.collides(other)).map(|(other, _)| (*other, index)));
                places.push((index, place));
            }
            Err(malformed) => errors.at(part.address_span(), malformed),
        }
    }
    shared
}

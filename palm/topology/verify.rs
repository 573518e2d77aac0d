//! What a topology must keep to, checked before it starts. `topology!` has checked most of it while it compiled.

use std::collections::HashSet;

use super::plan::Plan;
use super::route::Target;
use crate::error::{Error, Result};

impl Plan {
    /// Finds every fault at once.
    pub(crate) fn verify(&self) -> Result<()> {
        let mut problems = Vec::new();
        self.verify_names(&mut problems);
        for (index, part) in self.parts.iter().enumerate() {
            self.verify_route(index, &mut problems);
            if !part.inbound && !self.is_reached(&part.name) {
                problems.push(format!("nothing leads to outbound part `{}`; route a part to it", part.name));
            }
        }
        let methods = self.parts.iter().any(|part| part.type_name.ends_with("Methods"));
        if methods && self.service.is_none() {
            problems.push("there is a `Methods` part, but no impl block to run; give one with `service(…)`".to_owned());
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::Topology { component: self.name.clone(), problems: problems.join("; ") })
    }

    fn verify_names(&self, problems: &mut Vec<String>) {
        if self.name.is_empty() || self.name.contains([' ', '.']) {
            problems.push(format!("`{}` is no name for a component; it is one word without a dot", self.name));
        }
        let mut seen = HashSet::new();
        let names = self.parts.iter().map(|part| &part.name).chain(self.bypasses.iter().map(|part| &part.name));
        for name in names {
            if !seen.insert(name) {
                problems.push(format!("two parts are called `{name}`; rename one"));
            }
        }
    }

    fn verify_route(&self, index: usize, problems: &mut Vec<String>) {
        let part = &self.parts[index];
        match &part.route.target {
            Target::Part(name) => {
                if self.outbound(name).is_none() {
                    let known: Vec<_> =
                        self.parts.iter().filter(|part| !part.inbound).map(|part| format!("`{}`", part.name)).collect();
                    problems.push(format!(
                        "part `{}` routes to `{name}`, which is no outbound part; there are {}",
                        part.name,
                        known.join(", ")
                    ));
                } else if !part.inbound && self.runs_in_a_circle(index) {
                    problems.push(format!("the reroute of part `{}` comes back to it", part.name));
                }
            }
            Target::Exterior if part.inbound => {
                problems.push(format!("inbound part `{}` has no route; name an outbound part, or discard", part.name));
            }
            Target::Exterior | Target::Discard => {}
        }
        if part.route.blocking {
            self.verify_feedback(index, problems);
        }
    }

    fn is_reached(&self, name: &str) -> bool {
        self.parts.iter().any(|part| matches!(&part.route.target, Target::Part(target) if **target == *name))
    }

    fn next(&self, index: usize) -> Option<usize> {
        match &self.parts[index].route.target {
            Target::Part(name) => self.outbound(name).map(|part| part.0),
            Target::Exterior | Target::Discard => None,
        }
    }

    fn runs_in_a_circle(&self, start: usize) -> bool {
        let mut at = start;
        for _ in 0..self.parts.len() {
            match self.next(at) {
                Some(next) if next == start => return true,
                Some(next) => at = next,
                None => return false,
            }
        }
        false
    }

    /// A blocking inbound part waits for feedback, so every part that its messages pass has to give some.
    fn verify_feedback(&self, index: usize, problems: &mut Vec<String>) {
        let name = &self.parts[index].name;
        let mut at = index;
        // A circle is a problem of its own.
        for _ in 0..self.parts.len() {
            let part = &self.parts[at];
            if at != index && !part.replies {
                problems.push(format!("inbound part `{name}` would block for ever: `{}` gives no feedback", part.name));
                return;
            }
            if part.route.target == Target::Discard {
                let place = if at == index { "at once".to_owned() } else { format!("behind `{}`", part.name) };
                problems
                    .push(format!("inbound part `{name}` would block for ever: what it sends is discarded {place}"));
                return;
            }
            let Some(next) = self.next(at) else { return };
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::part::{Methods, PubService, PullService};
    use crate::topology::{Route, ServerTemplate};

    struct Shout;

    #[crate::server]
    impl Shout {}

    /// What is wrong with these routes of a blocking inbound part, of methods and of a publisher.
    fn problem(pull: Route, methods: Route, publish: Route) -> String {
        let part = || PullService::new("tcp://127.0.0.1:*");
        let template = ServerTemplate::new("server")
            .service(Shout)
            .register_inbound("Pull", part(), pull.blocking())
            .register_inbound("Calls", part(), "Methods")
            .register_inbound("Results", part(), "Pub")
            .register_outbound("Methods", Methods::default(), methods)
            .register_outbound("Pub", PubService::new("tcp://127.0.0.1:*"), publish);
        template.plan().verify().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn every_part_on_the_way_of_a_blocking_one_gives_feedback() {
        let exterior = Route::exterior;
        assert_eq!(problem("Methods".into(), exterior(), exterior()), "");
        let behind = problem("Methods".into(), "Pub".into(), exterior());
        assert_eq!(behind, "server: inbound part `Pull` would block for ever: `Pub` gives no feedback");
        assert_eq!(problem("Pub".into(), exterior(), "Methods".into()), behind, "what follows cannot make up for it");
        assert_eq!(
            problem("Methods".into(), Route::discard(), exterior()),
            "server: inbound part `Pull` would block for ever: what it sends is discarded behind `Methods`"
        );
        assert_eq!(
            problem(Route::discard(), exterior(), exterior()),
            "server: inbound part `Pull` would block for ever: what it sends is discarded at once"
        );
    }
}

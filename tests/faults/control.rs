//! Negative controls: with a mechanism switched off, its test must fail.

use std::time::Duration;

use crate::cluster::Run;
use crate::figures::{Figures, Scale};
use crate::raw;
use crate::scenarios::{crashes, links, load, network, subscribers};

fn must_fail(figures: &Figures, on: &[&str]) {
    let wrong = figures.wrong();
    for figure in on {
        assert!(wrong.iter().any(|line| line.starts_with(figure)), "{figure} is as it should be; wrong were {wrong:?}");
    }
}

pub(crate) fn without_redelivery() {
    must_fail(&crashes::killed_workers(Scale::Tenth, false, &["redelivery"]), &["answered", "lost"]);
}

pub(crate) fn without_deduplication() {
    must_fail(&crashes::frozen_worker(Scale::Tenth, true, &["deduplication"]), &["duplicated"]);
}

pub(crate) fn without_holding() {
    must_fail(&subscribers::late_subscribers(Scale::Tenth, 0), &["answered", "lost", "expired"]);
}

pub(crate) fn without_resubmission() {
    must_fail(&links::killed_component(Scale::Tenth, "master", &["resubmission"]), &["answered", "lost"]);
}

pub(crate) fn without_resumption() {
    // Whether something is on its way when a connection is reset is a race.
    let run = || network::reset_links(Scale::Tenth, &["resumption"]);
    let loses = |figures: &Figures| figures.wrong().iter().any(|line| line.starts_with("lost"));
    let figures = (0..6).map(|_| run()).find(loses).unwrap_or_default();
    must_fail(&figures, &["answered", "lost"]);
}

/// A Python client's lingering subscription takes the answer of its next call.
pub(crate) fn without_the_rule_of_calls() {
    if crate::python::interpreter().is_some() {
        // Whether a call of the 200 meets what the one before it left behind is a race.
        let run = || subscribers::python_clients(Scale::Tenth, &["calls"], Duration::from_secs(15));
        let hangs = |figures: &Figures| figures.wrong().iter().any(|line| line.starts_with("row: hang"));
        let figures = (0..6).map(|_| run()).find(hangs).unwrap_or_default();
        must_fail(&figures, &["row: hang"]);
    }
}

pub(crate) fn without_a_budget() {
    must_fail(&load::slow_reader(Scale::Tenth, usize::MAX), &["VmHWM"]);
}

pub(crate) fn counters_are_read_from_the_cache() {
    let run = Run::new("stats");
    let _server = run.start(&run.spec("server", "server"));
    run.start(&run.client(10)).join();
    assert_eq!((run.stat("received"), run.stat("calls"), run.stat("in_flight")), (10, 10, 0));
    let text = raw::get(&run.db, "_palm.stats").unwrap();
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).unwrap();
    for name in [
        "redelivered",
        "stale",
        "given_up",
        "held",
        "expired",
        "discarded",
        "undecodable",
        "holding",
        "refused",
        "cancelled",
    ] {
        assert_eq!(object[name], 0, "{name}");
    }
}

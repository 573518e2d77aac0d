//! A server, a stage after it, and a client of both.

use std::thread::sleep;
use std::time::Duration;

use crate::cluster::{Run, free_port, stat};
use crate::figures::{Figures, Scale};
use crate::process::{Process, within};
use crate::raw;
use crate::role::Spec;

const NO_WORKERS: u32 = 7;

/// Results that a stage has given and not reported, at most: what it is behind with.
const BESIDE: u64 = 64;

/// A pipeline that is up.
pub(crate) struct Stages<B> {
    server: Process,
    stage: Process,
    server_spec: Spec,
    stage_spec: Spec,
    /// What stands between the two.
    pub(crate) between: B,
}

impl<B> Stages<B> {
    /// `between` is told where the server's link and its publisher are, and says where the stage finds the publisher.
    pub(crate) fn start(run: &Run, between: impl FnOnce(&str, &str) -> (String, B)) -> Self {
        let ports = || (Some(free_port()), Some(free_port()));
        let (link_port, pub_port) = ports();
        let hold_ms = Some(5_000);
        let server_spec =
            Spec { pipelined: true, link_port, pub_port, hold_ms, session_ms: hold_ms, ..run.spec("server", "server") };
        let server = run.start(&server_spec);
        let (link, publisher) = (raw::address(&run.db, "_palm.link"), raw::address(&run.db, "pub_address"));
        let (publisher, between) = between(&link, &publisher);
        let (link_port, pub_port) = ports();
        let db = format!("tcp://127.0.0.1:{}", free_port());
        let stage_spec = Spec { db, publisher, link_port, pub_port, work_us: 50, ..run.spec("stage", "stage") };
        let stage = run.start(&stage_spec);
        Self { server, stage, server_spec, stage_spec, between }
    }

    pub(crate) fn client(&self, run: &Run, count: u64) -> Spec {
        let publisher = format!("tcp://127.0.0.1:{}", self.stage_spec.pub_port.unwrap());
        Spec { publisher, ..run.client(count) }
    }

    pub(crate) fn drained(&self, figures: &mut Figures) {
        let empty = || [&self.server_spec, &self.stage_spec].iter().all(|spec| stat(&spec.db, "holding") == 0);
        figures.is("left inside (I5)", 0, u64::from(!within(Duration::from_secs(60), empty)));
    }
}

fn directly(_link: &str, publisher: &str) -> (String, ()) {
    (publisher.to_owned(), ())
}

/// What a stage had when it died ends in its result, or in an error that says so.
pub(crate) fn a_stage_is_killed(scale: Scale) -> Figures {
    killed(scale, "stage")
}

pub(crate) fn a_server_before_a_stage_is_killed(scale: Scale) -> Figures {
    killed(scale, "server")
}

fn killed(scale: Scale, which: &str) -> Figures {
    let (mut run, mut figures) = (Run::new(which), Figures::default());
    let (count, kills) = scale.pick((10_000, 3), (100_000, 20));
    let mut line = Stages::start(&run, directly);
    let mut client = run.start(&Spec { size: 100, uncounted: true, ..line.client(&run, count) });
    for kill in 1..=kills {
        run.outcomes(count * kill / (kills + 1), &mut client);
        let (victim, spec) = match which {
            "stage" => (&mut line.stage, &line.stage_spec),
            _ => (&mut line.server, &line.server_spec),
        };
        victim.kill();
        sleep(Duration::from_millis(200));
        *victim = run.start(spec);
    }
    client.join();
    // A stage that died after it gave a result, and before it said so, leaves an error beside that.
    figures.told(&run.report(), kills + 1, kills * BESIDE);
    line.drained(&mut figures);
    run.calm(&mut figures);
    figures
}

/// The stage is dead and nobody starts it again: what it had, and what waits for it, ends in errors.
pub(crate) fn a_stage_never_comes_back(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("gone"), Figures::default());
    let count = scale.pick(2_000, 20_000);
    let mut line = Stages::start(&run, directly);
    let mut client = run.start(&Spec { size: 100, uncounted: true, ..line.client(&run, count) });
    run.outcomes(count / 4, &mut client);
    line.stage.kill();
    client.join();
    let report = run.report();
    figures.told(&report, 1, BESIDE);
    figures.at_least("errors: no workers", 1, report.errors_of(NO_WORKERS));
    let empty = within(Duration::from_secs(60), || stat(&line.server_spec.db, "holding") == 0);
    figures.is("left inside (I5)", 0, u64::from(!empty));
    run.calm(&mut figures);
    figures
}

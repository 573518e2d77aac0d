//! Jobs that are not waited for.

use std::time::Duration;

use palm::Client;

use crate::cluster::Run;
use crate::figures::{Figures, Scale};
use crate::history::{Event, History};
use crate::payload;
use crate::process::{until, within};
use crate::role::Spec;

/// What nobody has begun with is not begun with any more.
pub(crate) fn a_job_is_dropped(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("dropped"), Figures::default());
    let count: u64 = scale.pick(5_000, 8_000);
    let _master = run.start(&run.master());
    let _workers = [0, 1].map(|_| run.start(&Spec { work_us: 1_000, ..run.worker() }));
    let client = Client::connect("server", &run.db).unwrap();
    let writer = History::at(&run.history_path());
    let questions = (0..count).map(move |seq| {
        writer.write(&Event::Attempt { seq });
        payload::question(seq, 100)
    });
    let mut job = client.job("server.foo", questions);
    figures.is("answered before", 50, job.by_ref().take(50).filter(Result::is_ok).count() as u64);
    until("all is asked", || run.report().attempts == count);
    drop(job);
    let cancelled = within(Duration::from_secs(20), || run.stat("cancelled") > 0);
    figures.is("cancelled", 1, u64::from(cancelled));
    // The client is as good as before, and takes what came for the job while it waits.
    let answer = client.eval("server.foo", payload::question(count, 50)).ok();
    figures.is("the next call is answered", 1, u64::from(answer.is_some()));
    run.drained(&mut figures);
    let done = run.report().executed.len() as u64;
    figures.is("done or cancelled", count + 1, done + run.stat("cancelled"));
    figures.at_most("done all the same", count / 4, done);
    figures
}

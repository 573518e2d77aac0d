//! How cost grows: with the messages of a job, with workers, with clients, and with the methods of a component.
//!
//! `cargo bench --bench growth [-- --quick | --scale X | --runs N | --wire classic | --only clients]`
//!
//! Every role is a process, as in `system`; what is stated are the rate, the processor time of all processes together and of the
//! server or master alone for each message, and the most memory that they had.

mod case;
#[path = "../support/machine.rs"]
mod machine;
mod methods;
#[path = "../support/options.rs"]
mod options;
#[path = "../support/ours.rs"]
mod ours;
#[path = "../support/peer.rs"]
mod peer;
#[path = "../support/records.rs"]
mod records;
mod sockets;
#[path = "../support/spread.rs"]
mod spread;
#[path = "../support/table.rs"]
mod table;
#[path = "../support/unbounded.rs"]
mod unbounded;
#[path = "../support/usage.rs"]
mod usage;

use std::process::ExitCode;

use case::{Case, Sample, System};
use options::Options;
use ours::Wire;
use spread::Spread;
use table::{Table, thousands};

/// Something that grows, and what may come of it.
struct Series {
    title: &'static str,
    cases: Vec<(String, Case)>,
}

fn main() -> ExitCode {
    if let Some((words, told)) = peer::played() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        return done(case::play(&words, &told));
    }
    let options = Options::read();
    done(run(&options))
}

fn done(outcome: Result<(), peer::BoxError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the tables are what a benchmark is for")]
fn run(options: &Options) -> Result<(), peer::BoxError> {
    let wire = options.value::<String>("--wire").map_or(Ok(Wire::Link), |name| Wire::named(&name))?;
    let scale: f64 = options.value("--scale").unwrap_or_else(|| options.by_effort(0.000_5, 0.05, 1.0));
    let runs: usize = options.value("--runs").unwrap_or_else(|| options.by_effort(1, 1, 3));
    let only: Option<String> = options.value("--only");
    let wanted = |series: &Series| only.as_ref().is_none_or(|only| series.title.to_lowercase().starts_with(only));
    let load = machine::load();
    println!("{}", machine::describe().trim_end());
    let all = all(wire, scale, options.by_effort(4, 16, 64), options.by_effort(10, 100, 1_000));
    let all: Vec<Series> = all.into_iter().filter(wanted).collect();
    let mut samples: Vec<Vec<Vec<Sample>>> =
        all.iter().map(|series| series.cases.iter().map(|_| Vec::with_capacity(runs)).collect()).collect();
    // By turns, so that what slows the machine down for a while slows all of them.
    for _ in 0..runs {
        for (series, samples) in all.iter().zip(&mut samples) {
            for ((name, case), samples) in series.cases.iter().zip(samples) {
                let sample = case.sample()?;
                eprintln!("{name}: {:.0} msg/s", sample.rate);
                samples.push(sample);
            }
        }
    }
    for (series, samples) in all.iter().zip(&samples) {
        println!("\n{}\n\n{}", series.title, table(series, samples).text().trim_end());
    }
    println!("\n{} wire, {runs} runs, load average {load} before, {} after", wire.name(), machine::load());
    Ok(())
}

/// The cases, the smallest of each series first.
fn all(wire: Wire, scale: f64, most_workers: usize, most_clients: usize) -> [Series; 7] {
    let scaled = |messages: f64| (messages * scale) as usize;
    let base = Case { system: System::Library(wire), messages: scaled(1e6), workers: 0, clients: 1, methods: 1 };
    let up_to = |most: usize, step: usize| {
        std::iter::successors(Some(1), move |n| Some(n * step)).take_while(move |n| *n <= most)
    };
    let clients = |system| {
        let case = |clients| (format!("{clients} clients"), Case { system, clients, ..base });
        up_to(most_clients, 10).map(case).collect()
    };
    let workers = |system| {
        let case = |workers| (format!("{workers} workers"), Case { system, workers, ..base });
        up_to(most_workers, 4).map(case).collect()
    };
    let jobs = |workers| {
        let case = |messages| (format!("{} messages", thousands(messages as f64)), Case { messages, workers, ..base });
        vec![case(scaled(1e5)), case(scaled(1e7))]
    };
    [
        Series { title: "Messages of one job, server; wanted: a rate of 0.9, flat memory", cases: jobs(0) },
        Series {
            title: "Messages of one job, master and two workers; wanted: a rate of 0.9, flat memory",
            cases: jobs(2),
        },
        Series { title: "Workers; wanted: at most 1.5 times the cost", cases: workers(base.system) },
        Series { title: "Workers of bare sockets, for comparison", cases: workers(System::Sockets) },
        Series { title: "Clients of a server; wanted: at most 1.5 times the cost", cases: clients(base.system) },
        Series { title: "Clients of bare sockets, for comparison", cases: clients(System::Sockets) },
        Series {
            title: "Methods of a server; wanted: no difference",
            cases: up_to(100, 10).map(|methods| (format!("{methods} methods"), Case { methods, ..base })).collect(),
        },
    ]
}

fn table(series: &Series, samples: &[Vec<Sample>]) -> Table {
    let mut table = Table::new([
        "",
        "msg/s",
        "to the first",
        "µs of processor",
        "to the first",
        "server's µs",
        "to the first",
        "MiB server",
        "MiB clients",
    ]);
    let figure = |number: usize, figure: fn(&Sample) -> f64| Spread::of(samples[number].iter().map(figure));
    let median = |number: usize, of: fn(&Sample) -> f64| figure(number, of).map_or(0.0, |spread| spread.median);
    for (number, (name, _)) in series.cases.iter().enumerate() {
        let Some(rate) = figure(number, |sample| sample.rate) else { continue };
        let (cost, server_cost) = (median(number, |sample| sample.cost), median(number, |sample| sample.server_cost));
        table.row([
            name.clone(),
            format!("{} ± {:.0} %", thousands(rate.median), rate.percent()),
            format!("{:.2}", rate.median / median(0, |sample| sample.rate)),
            format!("{cost:.2}"),
            format!("{:.2}", cost / median(0, |sample| sample.cost)),
            format!("{server_cost:.2}"),
            format!("{:.2}", server_cost / median(0, |sample| sample.server_cost)),
            format!("{:.1}", median(number, |sample| sample.server_mib)),
            format!("{:.1}", median(number, |sample| sample.client_mib)),
        ]);
    }
    table
}

//! How fast messages go there and back: this library beside plain TCP, bare sockets, what is written by hand, tonic, and pylm, in
//! one go and by turns.
//!
//! `cargo bench --bench system [-- --quick | --runs N | --seconds S | --only link,classic]`
//!
//! Every role is a process: started with `--role`, this binary is that role, otherwise it starts them and prints the tables. The
//! roles of `bare` and `tonic` are other programs', `benches/bare` and `benches/grpc`, which it builds.

mod bare;
mod by_hand;
mod client;
mod echo;
mod frames;
mod load;
#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/options.rs"]
mod options;
#[path = "../support/ours.rs"]
mod ours;
#[path = "../support/peer.rs"]
mod peer;
mod programs;
mod pylm;
#[path = "../../tests/interop/python.rs"]
mod python;
#[path = "../support/records.rs"]
mod records;
mod results;
mod roles;
mod sockets;
#[path = "../support/spread.rs"]
mod spread;
mod systems;
#[path = "../support/table.rs"]
mod table;
mod targets;
mod tcp;
mod topology;
#[path = "../support/unbounded.rs"]
mod unbounded;

use std::process::ExitCode;

use options::Options;
use results::Results;
use systems::{Pace, System};
use topology::Topology;

/// Bytes of a payload.
const SMALL: usize = 150;
const LARGE: usize = 100_000;

fn main() -> ExitCode {
    if let Some((words, _)) = peer::played() {
        return play(&words);
    }
    let options = Options::read();
    let runs = options.value("--runs").unwrap_or_else(|| options.by_effort(1, 2, 7));
    let seconds = options.value("--seconds").unwrap_or_else(|| options.by_effort(0.02, 0.4, 2.0));
    let pace = Pace { seconds, calls: options.by_effort(20, 1_000, 10_000) };
    let systems = System::chosen(&options);
    if let Err(error) = systems.iter().try_for_each(|system| system.prepare()) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let load = machine::load();
    let (results, failed) = run(&systems, runs, pace);
    print(&results, &systems, runs, pace, &load);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All systems by turns, each time another one first; says how many samples failed.
fn run(systems: &[System], runs: usize, pace: Pace) -> (Results, usize) {
    let (mut results, mut failed) = (Results::default(), 0);
    for (topology, size) in cases() {
        for run in 0..runs {
            for turn in 0..systems.len() {
                let system = systems[(turn + run) % systems.len()];
                let name = format!("{} {size} B, run {} of {runs}, {}", topology.name(), run + 1, system.name());
                match system.sample(topology, size, pace) {
                    Ok(sample) => {
                        eprintln!("{name}: {:.0} msg/s, p50 {:.0} µs", sample.rate, sample.p50);
                        results.add(system, topology, size, run, sample);
                    }
                    Err(error) => {
                        eprintln!("{name}: {error}");
                        failed += 1;
                    }
                }
            }
        }
    }
    (results, failed)
}

fn cases() -> impl Iterator<Item = (Topology, usize)> {
    Topology::ALL.into_iter().flat_map(|topology| [SMALL, LARGE].map(|size| (topology, size)))
}

#[expect(clippy::print_stdout, reason = "the tables are what a benchmark is for")]
fn print(results: &Results, systems: &[System], runs: usize, pace: Pace, load: &str) {
    println!("{}", machine::describe().trim_end());
    println!(
        "- {runs} runs of {} s and {} calls; load average {load} before, {} after",
        pace.seconds,
        pace.calls,
        machine::load()
    );
    for (topology, size) in cases() {
        println!("\n{} {size} B\n\n{}", topology.title(), results.table(systems, topology, size).text().trim_end());
    }
    println!("\nTargets\n\n{}", targets::table(results).text().trim_end());
}

fn play(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match systems::play(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}

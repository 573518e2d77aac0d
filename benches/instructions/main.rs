//! What each step of a message costs within one process, counted and not timed, so that a change of a percent is seen on a busy
//! machine: instructions, allocations and allocated bytes, for each message.
//!
//! `cargo bench --features bench --bench instructions [-- --quick | --times N]`, which needs `valgrind`.
//!
//! This binary runs itself under valgrind, with few repetitions and with many: the difference is free of what the start
//! costs.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic, and its components are its own")]

mod count;
#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/options.rs"]
mod options;
#[path = "../support/steps.rs"]
mod steps;
#[path = "../support/table.rs"]
mod table;

use std::process::ExitCode;

use count::{Counts, REPEAT};
use options::Options;
use table::{Table, thousands};

/// Repetitions before those that are counted, so that what grows has grown.
const FEW: u64 = 20;

#[expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, name, times] = &words[..]
        && word == REPEAT
    {
        repeat(name, times.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    if !count::is_possible() {
        eprintln!("skipped: there is no valgrind here");
        return ExitCode::SUCCESS;
    }
    let options = Options::read();
    let more: u64 = options.value("--times").unwrap_or_else(|| options.by_effort(5, 50, 200));
    let mut table = Table::new(["step", "instructions", "allocations", "bytes allocated"]);
    for step in steps::all() {
        let (few, many) = (Counts::of(step.name, FEW), Counts::of(step.name, FEW + more));
        let for_each = |few: u64, many: u64| (many as f64 - few as f64) / (more * step.messages) as f64;
        table.row([
            step.name.to_owned(),
            thousands(for_each(few.instructions, many.instructions)),
            format!("{:.2}", for_each(few.allocations, many.allocations)),
            thousands(for_each(few.bytes, many.bytes)),
        ]);
    }
    println!("{}- load average {}", machine::describe(), machine::load());
    println!("\nFor each message:\n\n{}", table.text().trim_end());
    ExitCode::SUCCESS
}

fn repeat(name: &str, times: u64) {
    let mut step = steps::all().into_iter().find(|step| step.name == name).unwrap();
    for _ in 0..times {
        (step.run)();
    }
}

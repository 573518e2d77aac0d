//! What this library costs the one who builds a crate with it: a clean build, a build after a change, and what the macros add
//! for each component.
//!
//! `cargo bench --bench build [-- --quick | --components N | --runs N | --features cli,json]`
//!
//! Crates are written into a temporary directory and built there, with a target directory of their own.

#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/options.rs"]
mod options;
#[path = "../support/spread.rs"]
mod spread;
#[path = "../support/table.rs"]
mod table;
mod user;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use options::{Effort, Options};
use spread::Spread;
use table::{Table, thousands};
use user::{Content, UserCrate};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = Options::read();
    if options.effort == Effort::Smoke {
        eprintln!("skipped: builds take their time, and are measured by `cargo bench` alone");
        return ExitCode::SUCCESS;
    }
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the tables are what a benchmark is for")]
fn run(options: &Options) -> Outcome<()> {
    let components: usize = options.value("--components").unwrap_or(50);
    let runs: usize = options.value("--runs").unwrap_or_else(|| options.by_effort(1, 1, 5));
    let features: String = options.value("--features").unwrap_or_default();
    let load = machine::load();
    let directory = tempfile::tempdir()?;
    let write = |content| UserCrate::write(directory.path(), content, &features);
    let mut crates =
        [write(Content::Nothing)?, write(Content::Plain(components))?, write(Content::Components(components))?];
    let everything = everything(directory.path(), &crates[2], options.effort == Effort::Full)?;
    let own = own(directory.path(), &mut crates, components, runs)?;
    let features = if features.is_empty() { "none" } else { &features };
    println!("{}- {runs} runs, load average {load} before, {} after", machine::describe(), machine::load());
    println!("- {components} components, features: {features}\n");
    println!("{}\n{}", everything.text(), own.text().trim_end());
    Ok(())
}

/// Builds a crate and all that it depends on, from nothing.
fn everything(below: &Path, user: &UserCrate, with_release: bool) -> Outcome<Table> {
    let clean = |words: &[&str]| {
        let target = below.join("target");
        if target.exists() {
            fs::remove_dir_all(target)?;
        }
        cargo(below, user.directory(), words)
    };
    let crates = dependencies(user.directory())? as f64;
    let release = if with_release { format!("{:.1}", clean(&["build", "--release"])?) } else { String::new() };
    let mut table = Table::new(["everything", "crates", "clean build, s", "clean release build, s"]);
    table.row([user.name(), thousands(crates), format!("{:.1}", clean(&["build"])?), release]);
    Ok(table)
}

/// Builds each crate alone, its dependencies being there.
fn own(below: &Path, crates: &mut [UserCrate; 3], components: usize, runs: usize) -> Outcome<Table> {
    let mut table =
        Table::new(["the user's own crate", "check, s", "build, s", "build after a change, s", "executable, MiB"]);
    let mut times = Vec::new();
    for user in crates {
        let [check, build, change] = own_times(below, user, runs)?;
        let size = fs::metadata(below.join("target/debug").join(user.name()))?.len() as f64 / f64::from(1 << 20);
        table.row([user.name(), seconds(check), seconds(build), seconds(change), format!("{size:.1}")]);
        times.push([check, build, change].map(|spread| spread.median));
    }
    let added = |number: usize| {
        let more = times[2][number] - times[1][number];
        format!("{:.1} ms", more / components as f64 * 1e3)
    };
    table.row(["what each component adds".to_owned(), added(0), added(1), added(2), String::new()]);
    Ok(table)
}

fn seconds(spread: Spread) -> String {
    format!("{:.2} ± {:.0} %", spread.median, spread.percent())
}

/// Of the crate alone, its dependencies being there: check, build, build after a change.
fn own_times(below: &Path, user: &mut UserCrate, runs: usize) -> Outcome<[Spread; 3]> {
    let name = user.name();
    let clean = ["clean", "--quiet", "--package", &name];
    let mut times = [const { Vec::new() }; 3];
    cargo(below, user.directory(), &["check"])?;
    cargo(below, user.directory(), &["build"])?;
    for _ in 0..runs {
        cargo(below, user.directory(), &clean)?;
        times[0].push(cargo(below, user.directory(), &["check"])?);
        times[1].push(cargo(below, user.directory(), &["build"])?);
        user.change()?;
        times[2].push(cargo(below, user.directory(), &["build"])?);
    }
    let spreads: Option<Vec<Spread>> = times.into_iter().map(Spread::of).collect();
    spreads.and_then(|spreads| spreads.try_into().ok()).ok_or_else(|| "no runs".into())
}

/// Runs cargo in a crate; how long it took, in seconds.
fn cargo(below: &Path, directory: &Path, words: &[&str]) -> Outcome<f64> {
    let start = Instant::now();
    let output = command(directory).args(words).env("CARGO_TARGET_DIR", below.join("target")).output()?;
    if !output.status.success() {
        return Err(format!("cargo {} failed:\n{}", words.join(" "), String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(start.elapsed().as_secs_f64())
}

/// How many crates are built, the user's own and this library among them.
fn dependencies(directory: &Path) -> Outcome<usize> {
    let words = ["tree", "--prefix", "none", "--edges", "normal,build", "--format", "{p}"];
    let output = command(directory).args(words).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut crates: Vec<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    crates.sort_unstable();
    crates.dedup();
    Ok(crates.len())
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // As a user's shell has it, and not as `cargo bench` does.
    command.current_dir(directory).env_remove("CARGO_INCREMENTAL").env_remove("RUSTFLAGS");
    command
}

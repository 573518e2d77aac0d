//! What every example needs besides PALM: roles from the command line, log lines on stderr, answers on stdout.

use std::fmt::Debug;
use std::process::ExitCode;

/// Plays the role that the words of the command line name.
pub(crate) fn run(play: impl FnOnce(&[&str]) -> palm::Result<()>) -> ExitCode {
    log();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match play(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The library's own log lines, where its feature `log` is on.
fn log() {
    #[cfg(feature = "log")]
    palm::log::init();
    #[cfg(not(feature = "log"))]
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
}

/// Says which roles there are, and ends.
pub(crate) fn no_role(roles: &str) -> ! {
    eprintln!("the roles are {roles}; without one, everything runs in one process");
    std::process::exit(2)
}

/// Prints an answer.
#[expect(clippy::print_stdout, reason = "the answers are what an example is for")]
pub(crate) fn print(answer: impl Debug) {
    println!("{answer:?}");
}

//! What every example needs besides PALM: roles from the command line, log lines on stderr, answers on stdout.

use std::fmt::Debug;
use std::process::ExitCode;

use palm::Level;

/// Plays the role that the words of the command line name.
pub(crate) fn run(play: impl FnOnce(&[&str]) -> palm::Result<()>) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // Where everything runs in one process, start-up lines would bury the answers.
    log(if words.is_empty() { Level::WARN } else { Level::INFO });
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match play(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The library's own log lines, where its feature `log` is on; from `level` on, or from what `PALM_LOG` says.
fn log(level: Level) {
    #[cfg(feature = "log")]
    if let Err(error) = palm::log::Log::new().level(level).try_init() {
        eprintln!("no log lines: {error}");
    }
    #[cfg(not(feature = "log"))]
    {
        let wanted = std::env::var("PALM_LOG").ok().and_then(|wanted| wanted.parse().ok());
        tracing_subscriber::fmt().with_max_level(wanted.unwrap_or(level)).with_writer(std::io::stderr).init();
    }
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

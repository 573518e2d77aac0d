//! What is not tested on this machine.

use std::io::Write as _;

/// Says on stderr what is not tested, and why; with `PALM_TEST_ALL=1` that is a failure.
pub(crate) fn skip(what: &str, reason: &str) {
    let line = format!("skipped: {what}, since {reason}");
    assert!(std::env::var_os("PALM_TEST_ALL").is_none_or(|all| all != "1"), "{line}");
    // Not `eprintln!`, which the test harness keeps to itself.
    let _ = writeln!(std::io::stderr(), "{line}");
}

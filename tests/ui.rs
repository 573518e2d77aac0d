//! What the macros say: one rule a file in `ui/fail`, its message beside it. Its twin, the border case that must compile, is in
//! `macros/border`.
//!
//! Bless the messages with `TRYBUILD=overwrite cargo test --test ui`.
#![expect(clippy::print_stdout, reason = "whoever skips says so")]

/// The compiler whose wording stands in the `.stderr` files.
const BLESSED: &str = "rustc 1.95.";

/// Those that the features of the crate change are in directories of their own.
const OF_THESE_FEATURES: &str = if cfg!(feature = "tokio") { "with_tokio" } else { "without_tokio" };

#[test]
fn messages() {
    check(&["fail/*", OF_THESE_FEATURES]);
}

/// A part of [`messages`], for whoever has run the rest with other features.
#[test]
#[ignore = "`messages` has them too"]
fn messages_of_these_features() {
    check(&[OF_THESE_FEATURES]);
}

fn check(directories: &[&str]) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version =
        std::process::Command::new(rustc).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with(BLESSED) && std::env::var_os("PALM_TEST_ALL").is_none_or(|all| all != "1") {
        println!(
            "skipped: the messages are those of {BLESSED}x, this is {version} (PALM_TEST_ALL=1 runs it all the same)"
        );
        return;
    }
    let cases = trybuild::TestCases::new();
    for directory in directories {
        cases.compile_fail(format!("tests/ui/{directory}/*.rs"));
    }
}

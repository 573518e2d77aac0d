//! What the macros say: one rule a file in `ui/fail`, its message beside it; border cases that must compile in `ui/pass`.
//!
//! Bless the messages with `TRYBUILD=overwrite cargo test --test ui`.
#![expect(clippy::print_stdout, reason = "whoever skips says so")]

/// The compiler whose wording stands in the `.stderr` files.
const BLESSED: &str = "rustc 1.95.";

#[test]
fn messages() {
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
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*/*.rs");
    if cfg!(feature = "tokio") {
        cases.pass("tests/ui/tokio/pass/*.rs");
        cases.compile_fail("tests/ui/tokio/fail/*.rs");
    } else {
        cases.compile_fail("tests/ui/without_tokio/*.rs");
    }
}

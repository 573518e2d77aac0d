//! What valgrind counts.

use std::process::{Command, Stdio};

/// The word that has this binary repeat a step.
pub(crate) const REPEAT: &str = "--repeat";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) instructions: u64,
    pub(crate) allocations: u64,
    pub(crate) bytes: u64,
}

pub(crate) fn is_possible() -> bool {
    Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Counts {
    /// Of a process that repeats a step so many times.
    pub(crate) fn of(step: &str, times: u64) -> Self {
        // "==1== Collected : 123456", of one process, whose threads are none.
        let callgrind = valgrind("callgrind", step, times);
        let instructions = number_after(&callgrind, "Collected :");
        // "==1== Total:     1,234 bytes in 56 blocks"
        let dhat = valgrind("dhat", step, times);
        Self { instructions, allocations: number_after(&dhat, " bytes in "), bytes: number_after(&dhat, "Total:") }
    }
}

fn valgrind(tool: &str, step: &str, times: u64) -> String {
    let output = Command::new("valgrind")
        .arg(format!("--tool={tool}"))
        .arg(format!("--{tool}-out-file=/dev/null"))
        .arg(std::env::current_exe().unwrap())
        .args([REPEAT, step, &times.to_string()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

/// The number behind a text, with commas or without.
fn number_after(told: &str, text: &str) -> u64 {
    let (_, rest) = told.split_once(text).unwrap_or_else(|| panic!("valgrind does not say `{text}`:\n{told}"));
    let digits = rest.trim_start().chars().take_while(|digit| digit.is_ascii_digit() || *digit == ',');
    digits.filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

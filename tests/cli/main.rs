//! x
mod components;
fn main() -> std::process::ExitCode { palm::cli::main() }

//! PALM in Rust.

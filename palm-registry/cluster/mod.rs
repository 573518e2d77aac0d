//! What a cluster file means, as plain functions of text and state: no I/O, no clock.

pub mod command;
pub mod file;
pub mod graph;
pub mod ini;
pub mod node;
pub mod placement;

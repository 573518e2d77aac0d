//! `palm graph`: the topology of a running component or of a cluster file.

//! `palm cluster`: clusters of a registry.

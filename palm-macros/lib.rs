//! The macros of `palm`. Their documentation stands on the re-exports there.

//! `palm top`: a live table of counters.

//! The cluster file, checked.

//! `palm runner`: runs on this node what the registry places on it.

//! `palm registry`: the web service, and its users.

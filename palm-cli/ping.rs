//! `palm ping`: who is there.

//! `palm call`: sends messages and prints their answers.

//! Who may do what: passwords, sessions, API keys and the tokens of runners.

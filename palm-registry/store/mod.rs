//! What is kept: clusters, nodes, events, metrics and log lines, in SQLite or PostgreSQL.

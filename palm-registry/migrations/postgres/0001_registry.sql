-- Times are microseconds since 1970 in UTC. Flags are 0 or 1. Text that comes from elsewhere and may hold a NUL is BYTEA.

CREATE TABLE users (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    full_name     TEXT NOT NULL,
    email         TEXT NOT NULL,
    admin         BIGINT NOT NULL,
    active        BIGINT NOT NULL,
    password_hash TEXT NOT NULL,
    created       BIGINT NOT NULL
);

-- Secrets are kept as SHA-256 of what their owner holds.
CREATE TABLE api_keys (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id   BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    hash      BYTEA NOT NULL UNIQUE,
    created   BIGINT NOT NULL,
    last_used BIGINT
);
CREATE INDEX api_keys_of_user ON api_keys (user_id);

CREATE TABLE sessions (
    hash    BYTEA NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    csrf    TEXT NOT NULL,
    created BIGINT NOT NULL,
    seen    BIGINT NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE audit (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    action    TEXT NOT NULL,
    object    TEXT NOT NULL
);

CREATE TABLE clusters (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key       TEXT NOT NULL UNIQUE,
    alias     TEXT NOT NULL,
    file      TEXT NOT NULL,
    created   BIGINT NOT NULL,
    user_id   BIGINT NOT NULL REFERENCES users (id),
    placement TEXT NOT NULL,
    -- Time of the last log line, since each has one of its own.
    last_line BIGINT NOT NULL,
    log_bytes BIGINT NOT NULL
);
CREATE INDEX clusters_of_user ON clusters (user_id);

CREATE TABLE runner_tokens (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id BIGINT NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    hash       BYTEA NOT NULL UNIQUE,
    created    BIGINT NOT NULL,
    last_used  BIGINT
);
CREATE INDEX runner_tokens_of_cluster ON runner_tokens (cluster_id);

CREATE TABLE nodes (
    cluster_id BIGINT NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    id         TEXT NOT NULL,
    ip         TEXT NOT NULL,
    processors BIGINT NOT NULL,
    ports_from BIGINT NOT NULL,
    name       TEXT,
    runner     TEXT NOT NULL,
    host       TEXT,
    joined     BIGINT NOT NULL,
    seen       BIGINT NOT NULL,
    -- Nothing for a node without a lease: one of an old runner, or one that is lost.
    lease_ends BIGINT,
    PRIMARY KEY (cluster_id, id)
);
CREATE INDEX nodes_by_lease ON nodes (lease_ends);

CREATE TABLE reports (
    cluster_id BIGINT NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    instance   TEXT NOT NULL,
    node       TEXT NOT NULL,
    report     TEXT NOT NULL,
    PRIMARY KEY (cluster_id, instance)
);

CREATE TABLE events (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id BIGINT NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    at         BIGINT NOT NULL,
    kind       TEXT NOT NULL,
    instance   TEXT,
    component  TEXT,
    node       TEXT,
    from_state TEXT,
    to_state   TEXT,
    reason     TEXT,
    exit_code  BIGINT,
    signal     BIGINT,
    user_name  TEXT,
    -- A heartbeat whose answer got lost is sent again.
    UNIQUE (cluster_id, node, instance, at, to_state)
);
CREATE INDEX events_of_cluster ON events (cluster_id, id);

CREATE TABLE metrics (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id  BIGINT NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    at          BIGINT NOT NULL,
    node        TEXT NOT NULL,
    instance    TEXT NOT NULL,
    component   TEXT NOT NULL,
    state       TEXT NOT NULL,
    restarts    BIGINT NOT NULL,
    cpu_percent DOUBLE PRECISION,
    rss_bytes   BIGINT,
    stats       TEXT,
    UNIQUE (cluster_id, instance, at)
);
CREATE INDEX metrics_of_cluster ON metrics (cluster_id, id);
CREATE INDEX metrics_by_age ON metrics (at);

CREATE TABLE logs (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id BIGINT NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    -- When it came in: higher than that of every line of the cluster before.
    received   BIGINT NOT NULL,
    -- When it was written, if the runner says so.
    at         BIGINT NOT NULL,
    component  TEXT NOT NULL,
    instance   TEXT NOT NULL,
    node       TEXT NOT NULL,
    stream     TEXT NOT NULL,
    level      TEXT NOT NULL,
    -- Nothing for lines of old runners. A batch that is sent twice is stored once.
    sequence   BIGINT,
    text       BYTEA NOT NULL,
    size       BIGINT NOT NULL,
    UNIQUE (cluster_id, node, sequence)
);
CREATE INDEX logs_of_cluster ON logs (cluster_id, id);
CREATE INDEX logs_by_time ON logs (cluster_id, received);
CREATE INDEX logs_by_instance ON logs (cluster_id, instance, id);
CREATE INDEX logs_by_age ON logs (received);

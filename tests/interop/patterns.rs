//! Every pattern of the documentation as data: its roles, how they are wired, and what its client prints.

/// One process of a pattern.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    /// The word both the example and the Python peer take, with the name of a worker after it.
    pub(crate) words: &'static [&'static str],
    /// Ports it listens on.
    pub(crate) binds: &'static [u16],
    /// Ports of other roles without whose connection an answer could be lost.
    pub(crate) connects: &'static [u16],
}

impl Role {
    /// `server`, `worker`, …: roles of the same kind are played by the same language.
    pub(crate) fn kind(&self) -> &'static str {
        self.words[0]
    }
}

/// What the client's answer lines are, in any order, with the worker's number left out.
#[derive(Debug)]
pub(crate) enum Answers {
    /// So many of each line, and no other.
    Lines(&'static [(usize, &'static str)]),
    /// So many lines, each of which is one of these and each of which occurs.
    Among(usize, &'static [&'static str]),
    /// An error where both ends can carry one, `0` where one of them is a classic peer.
    Failure,
}

#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) name: &'static str,
    /// In the order in which they are started; the client comes after them.
    pub(crate) roles: &'static [Role],
    pub(crate) client: &'static [&'static str],
    /// The kind of role that the client subscribes to.
    pub(crate) publisher: &'static str,
    pub(crate) answers: Answers,
}

const SERVER: Role = Role { words: &["server"], binds: &[5555, 5556, 5557], connects: &[] };
const MASTER: Role = Role { words: &["master"], binds: &[5555, 5556, 5557, 5558, 5559], connects: &[] };
const WORKERS: [Role; 2] = [
    Role { words: &["worker", "worker1"], binds: &[], connects: &[5559] },
    Role { words: &["worker", "worker2"], binds: &[], connects: &[5559] },
];
const HUB: Role = Role { words: &["hub"], binds: &[5558, 5559, 5560, 5561], connects: &[5557] };
const PIPELINE: Role = Role { words: &["pipeline"], binds: &[5560, 5561], connects: &[5557] };
const CLIENT: &[&str] = &["client"];

const fn first(word: &'static [&'static str]) -> Role {
    Role { words: word, binds: &[5560, 5561], connects: &[5557] }
}

const fn second(word: &'static [&'static str]) -> Role {
    Role { words: word, binds: &[5570, 5571], connects: &[5557] }
}

const fn parallel(name: &'static str, answers: Answers) -> Pattern {
    const ROLES: &[Role] = &[MASTER, WORKERS[0], WORKERS[1]];
    Pattern { name, roles: ROLES, client: CLIENT, publisher: "master", answers }
}

/// A master whose workers and client are the test's own.
#[cfg(feature = "tokio")]
pub(crate) const MASTER_ALONE: Pattern =
    Pattern { name: "parallel", roles: &[MASTER], client: CLIENT, publisher: "master", answers: PROCESSED };

const PROCESSED: Answers = Answers::Lines(&[(10, "b'worker processed a message'")]);
const PIPELINED: Answers = Answers::Lines(&[(1, "Client got:  b'and I pipelined you sent me a message'")]);
const GATHERED: Answers =
    Answers::Lines(&[(1, "b' cached data '"), (29, "b'worker cached data a message'"), (1, "b'final message'")]);

pub(crate) const ALL: &[Pattern] = &[
    Pattern {
        name: "single",
        roles: &[SERVER],
        client: CLIENT,
        publisher: "server",
        answers: Answers::Lines(&[(1, "Client got:  b'you sent me a message'")]),
    },
    parallel("parallel", PROCESSED),
    parallel("cache", Answers::Lines(&[(1, "b' cached data '"), (10, "b'worker cached data a message'")])),
    parallel("scatter", Answers::Lines(&[(1, "b' cached data '"), (30, "b'worker cached data a message'")])),
    parallel("gather", GATHERED),
    parallel("logging", GATHERED),
    parallel("template", PROCESSED),
    parallel(
        "mux_parallel",
        Answers::Among(10, &["b'worker processed a message 1'", "b'worker processed a message 2'"]),
    ),
    Pattern { name: "pipeline", roles: &[SERVER, PIPELINE], client: CLIENT, publisher: "pipeline", answers: PIPELINED },
    Pattern { name: "sink", roles: &[SERVER, first(&["sink"])], client: CLIENT, publisher: "sink", answers: PIPELINED },
    Pattern {
        name: "tee",
        roles: &[SERVER, first(&["pipeline_close"]), second(&["pipeline_echo"])],
        client: CLIENT,
        publisher: "pipeline_close",
        answers: PIPELINED,
    },
    Pattern {
        name: "stream",
        roles: &[SERVER, first(&["pipeline_close"]), second(&["pipeline_echo"])],
        client: CLIENT,
        publisher: "pipeline_close",
        answers: Answers::Lines(&[(5, "Client got:  b'and I pipelined you sent me a message'")]),
    },
    Pattern {
        name: "stream_sink",
        roles: &[
            SERVER,
            first(&["pipeline_even"]),
            second(&["pipeline_odd"]),
            Role { words: &["sink"], binds: &[5580, 5581], connects: &[5561, 5571] },
        ],
        client: CLIENT,
        publisher: "sink",
        answers: Answers::Lines(&[(10, "Client got:  b'and gathered and I pipelined you sent me a message'")]),
    },
    Pattern {
        name: "master_pipeline",
        roles: &[
            MASTER,
            WORKERS[0],
            WORKERS[1],
            Role { words: &["pipeline"], binds: &[5560, 5561], connects: &[5556] },
        ],
        client: CLIENT,
        publisher: "pipeline",
        answers: Answers::Lines(&[(10, "b'and I pipelined worker processed a message'")]),
    },
    Pattern {
        name: "server_hub",
        roles: &[SERVER, HUB, Role { words: &["worker", "worker1"], binds: &[], connects: &[5561] }],
        client: CLIENT,
        publisher: "hub",
        answers: Answers::Lines(&[(1, "Client got:  b'worker processed you sent me a message'")]),
    },
    Pattern {
        name: "gateway",
        roles: &[
            Role { words: &["microservice"], binds: &[5557, 5558, 5559, 8888], connects: &[] },
            WORKERS[0],
            WORKERS[1],
        ],
        client: CLIENT,
        publisher: "microservice",
        answers: Answers::Lines(&[(1, "b'acknowledged'")]),
    },
    Pattern {
        name: "http",
        roles: &[
            Role { words: &["master"], binds: &[5555, 5556, 5559], connects: &[] },
            Role { words: &["web_worker"], binds: &[8888], connects: &[] },
        ],
        client: CLIENT,
        publisher: "master",
        answers: Answers::Lines(&[(10, "b'a message processed online'")]),
    },
    Pattern { name: "error", roles: &[SERVER], client: CLIENT, publisher: "server", answers: Answers::Failure },
    Pattern {
        name: "applications",
        roles: &[
            Role { words: &["master", "--name", "server"], binds: &[5555, 5556, 5557, 5558, 5559], connects: &[] },
            Role { words: &["worker", "--name", "worker1"], binds: &[], connects: &[5559] },
        ],
        client: &["launcher", "--server", "server", "--function", "foo"],
        publisher: "master",
        answers: PROCESSED,
    },
];

pub(crate) fn find(name: &str) -> &'static Pattern {
    ALL.iter().find(|pattern| pattern.name == name).unwrap_or_else(|| panic!("no pattern is called `{name}`"))
}

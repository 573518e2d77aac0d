//! The two ways that messages take.

/// Workers of a master.
pub(crate) const WORKERS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topology {
    /// Client, server, client.
    Server,
    /// Client, master, a worker, master, client.
    Master,
}

impl Topology {
    pub(crate) const ALL: [Self; 2] = [Self::Server, Self::Master];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Server => "S",
            Self::Master => "M",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Server => "S: client, server, client;",
            Self::Master => "M: client, master, two workers, master, client;",
        }
    }

    /// What stands between clients and work.
    pub(crate) const fn component(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Master => "master",
        }
    }

    pub(crate) const fn workers(self) -> usize {
        match self {
            Self::Server => 0,
            Self::Master => WORKERS,
        }
    }

    /// How many give answers.
    pub(crate) fn answering(self) -> usize {
        self.workers().max(1)
    }
}

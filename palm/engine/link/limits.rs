use std::time::Duration;

/// What may wait for linked peers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkLimits {
    /// Bytes for one of them: beyond it a client's own messages wait, and for a component all of them.
    pub(crate) bytes: usize,
    /// Bytes for all of them.
    pub(crate) total: usize,
    /// Bytes that each of them may send before they are taken in; less if there are more than two.
    pub(crate) window: usize,
    /// How long a peer with that much may take nothing.
    pub(crate) stall: Duration,
    /// How long a session waits for its peer to come back. With the time between two looks, it is freed within 30 s.
    pub(crate) patience: Duration,
    /// What a connection lost is sent again on the next one.
    pub(crate) resume: bool,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            total: 256 << 20,
            window: 8 << 20,
            stall: Duration::from_secs(600),
            patience: Duration::from_secs(20),
            resume: true,
        }
    }
}

//! The protobuf messages in which log lines travel from runners to the registry.

/// Log lines in order, as `POST /logs` takes them. Old runners send the first field alone, and old registries skip the second.
///
/// ```
/// use palm_registry::logs::{LogMessages, LogOrigin, Stream};
/// use prost::Message;
///
/// let origin = LogOrigin { component: "Worker".into(), stream: Stream::Stderr.into(), ..Default::default() };
/// let batch = LogMessages { messages: vec!["starting".into()], origins: vec![origin] };
/// let sent = batch.encode_to_vec();
/// assert_eq!(LogMessages::decode(&sent[..])?.origins[0].stream(), Stream::Stderr);
/// # Ok::<(), prost::DecodeError>(())
/// ```
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LogMessages {
    /// The lines, without their newlines.
    #[prost(string, repeated, tag = "1")]
    pub messages: Vec<String>,
    /// Where each of them comes from: as many as there are messages, or none.
    #[prost(message, repeated, tag = "2")]
    pub origins: Vec<LogOrigin>,
}

/// Where a log line comes from.
///
/// ```
/// let origin = palm_registry::logs::LogOrigin { instance: "Worker 1".into(), sequence: 7, ..Default::default() };
/// assert_eq!(origin.at_micros, 0);
/// ```
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LogOrigin {
    /// Name of the component: a section of the cluster file.
    #[prost(string, tag = "1")]
    pub component: String,
    /// Name of the instance; that of the component if it has no replicas.
    #[prost(string, tag = "2")]
    pub instance: String,
    /// Identifier of the node: a UUID as text.
    #[prost(string, tag = "3")]
    pub node: String,
    /// What it was written to.
    #[prost(enumeration = "Stream", tag = "4")]
    pub stream: i32,
    /// When the runner read it: microseconds since 1970 in UTC.
    #[prost(int64, tag = "5")]
    pub at_micros: i64,
    /// Level as the line says it, such as `INFO`; empty if it says none.
    #[prost(string, tag = "6")]
    pub level: String,
    /// Number of the line at its node, so that a batch that is sent twice is stored once; 0 if it has none.
    #[prost(uint64, tag = "7")]
    pub sequence: u64,
    /// The line goes on in the next one of its instance and stream: it is longer than a line may be, 1 MiB.
    #[prost(bool, tag = "8")]
    pub continues: bool,
}

/// What a log line was written to.
///
/// ```
/// use palm_registry::logs::Stream;
///
/// assert_eq!(Stream::Stdout.as_str_name(), "STDOUT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Stream {
    /// Not said: the runner is an old one.
    Unknown = 0,
    /// Standard output.
    Stdout = 1,
    /// Standard error.
    Stderr = 2,
}

impl Stream {
    /// Its name, in capital letters.
    #[must_use]
    pub const fn as_str_name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Stdout => "STDOUT",
            Self::Stderr => "STDERR",
        }
    }
}

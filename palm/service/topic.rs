//! What a result is published under.

use bytes::Bytes;

/// What a result is published under: `handle_stream` returns it, and whoever subscribed to it gets the result.
///
/// ```
/// # use palm::Topic;
/// assert_eq!(Topic::from("even").as_bytes(), b"even");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Topic(Bytes);

impl Topic {
    /// The topic frame.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Topic {
    fn from(topic: &str) -> Self {
        Self(Bytes::copy_from_slice(topic.as_bytes()))
    }
}

impl From<&String> for Topic {
    fn from(topic: &String) -> Self {
        Self::from(topic.as_str())
    }
}

impl From<String> for Topic {
    fn from(topic: String) -> Self {
        Self(topic.into())
    }
}

impl From<&[u8]> for Topic {
    fn from(topic: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(topic))
    }
}

impl From<Vec<u8>> for Topic {
    fn from(topic: Vec<u8>) -> Self {
        Self(topic.into())
    }
}

impl From<Bytes> for Topic {
    fn from(topic: Bytes) -> Self {
        Self(topic)
    }
}

impl From<Topic> for Bytes {
    fn from(topic: Topic) -> Self {
        topic.0
    }
}

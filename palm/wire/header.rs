//! What the messages of one stream share at one stage.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use prost::encoding::{int64, string};

use super::Code;

/// Fields 1 to 4 of a message, with their encoded form: kept once a stream, shared by its messages.
#[derive(Debug, Default)]
pub(crate) struct Header {
    pub(super) pipeline: Box<str>,
    pub(super) client: Box<str>,
    pub(super) stage: i64,
    pub(super) function: Box<str>,
    pub(super) encoded: Bytes,
    /// The client's id once more, in the form that is handed to sockets.
    pub(super) topic: Bytes,
    /// The same stream one stage on: made once, since every message of a pipelined stream asks for it.
    next: OnceLock<Arc<Self>>,
}

/// Why a header names no call for a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallError {
    pub(crate) code: Code,
    pub(crate) text: String,
}

impl Header {
    /// The topic on which the client waits for its answers: its id.
    pub(crate) const fn topic(&self) -> &Bytes {
        &self.topic
    }

    pub(super) fn new(
        pipeline: impl Into<Box<str>>,
        client: impl Into<Box<str>>,
        stage: i64,
        function: impl Into<Box<str>>,
    ) -> Self {
        let (pipeline, client, function) = (pipeline.into(), client.into(), function.into());
        let mut encoded = Vec::with_capacity(pipeline.len() + client.len() + function.len() + 24);
        for (number, text) in [(1, &pipeline), (2, &client)] {
            put_text(number, text, &mut encoded);
        }
        if stage != 0 {
            int64::encode(3, &stage, &mut encoded);
        }
        put_text(4, &function, &mut encoded);
        let topic = Bytes::copy_from_slice(client.as_bytes());
        Self { pipeline, client, stage, function, encoded: encoded.into(), topic, next: OnceLock::new() }
    }

    pub(super) fn at_stage(&self, stage: i64) -> Self {
        Self::new(&*self.pipeline, &*self.client, stage, &*self.function)
    }

    /// The same stream, one stage on.
    pub(super) fn next_stage(&self) -> Arc<Self> {
        self.next.get_or_init(|| Arc::new(self.at_stage(self.stage.wrapping_add(1)))).clone()
    }

    /// Fields 1 to 4, encoded.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The call for this hop: the component's name and the method's.
    pub(crate) fn call(&self) -> Result<(&str, &str), CallError> {
        let call = if self.function.contains(' ') {
            usize::try_from(self.stage).ok().and_then(|stage| self.function.split(' ').nth(stage)).ok_or_else(|| {
                CallError {
                    code: Code::NoSuchStage,
                    text: format!("`{}` has no function for stage {}", self.function, self.stage),
                }
            })?
        } else {
            &self.function
        };
        call.split_once('.').ok_or_else(|| CallError {
            code: Code::UnknownMethod,
            text: format!("`{call}` is no function; write `server.method`"),
        })
    }
}

fn put_text(number: u32, text: &str, into: &mut Vec<u8>) {
    if !text.is_empty() {
        // prost encodes a String; the bytes are the same as those of `bytes`.
        string::encode(number, &text.to_owned(), into);
    }
}

//! The client's decisions for a driver that has a network of its own: jobs of several calls at a time.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::client::answer::{Content, End};
use crate::client::core::Core;
use crate::client::draft::Draft;
use crate::client::id::Ids;
use crate::client::line::Line;
use crate::client::payload::Payload;

pub(crate) struct Driven {
    core: Core,
    calls: Vec<(u32, Draft)>,
}

/// What has come for a message of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) call: usize,
    pub(crate) sequence: u32,
    /// A result, or the code of an error; `None` stands for no further one.
    pub(crate) result: Option<Result<Bytes, u32>>,
    pub(crate) last: bool,
}

impl Driven {
    /// A client that is linked to a component and, if its results come from another one, to that one too.
    pub(crate) fn new(name: &str, results_elsewhere: bool, functions: &[&str]) -> Self {
        let ids = Ids::new();
        let mut core = Core::new(ids, "session", name);
        core.lines.push(Line::new(name, ids.client(), true, (!results_elsewhere).then_some(name), false));
        if results_elsewhere {
            core.lines.push(Line::new(name, ids.client(), false, Some(name), false));
        }
        let mut open = |function: &&str| {
            let call = core.open(function);
            (call, Draft::new(call, "", None))
        };
        let calls = functions.iter().map(&mut open).collect();
        Self { core, calls }
    }

    /// A connection of a line stands, or stands again.
    pub(crate) fn joined(&mut self, line: usize) {
        self.core.lines[line].joined();
    }

    pub(crate) fn hear(&mut self, line: usize, frame: Bytes, now: Instant) {
        self.core.hear(line, frame, now, &mut Vec::new());
    }

    pub(crate) fn frames(&mut self, line: usize, at_rest: bool) -> Vec<Bytes> {
        let mut frames = Vec::new();
        self.core.lines[line].take_frames(at_rest, &mut frames);
        frames.into_iter().map(Bytes::from).collect()
    }

    /// Asks the next thing of a call.
    pub(crate) fn ask(&mut self, call: usize, payload: &str) {
        let draft = &mut self.calls[call].1;
        draft.write(Payload::Copied(payload.as_bytes()));
        if let Some(stream) = draft.take().and_then(|written| self.core.submit(written)) {
            draft.set_stream(stream);
        }
    }

    /// Nobody waits for a call any more.
    pub(crate) fn give_up(&mut self, call: usize) {
        self.core.close(self.calls[call].0, true);
    }

    /// What has come since the last time.
    pub(crate) fn outcomes(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (place, (call, _)) in self.calls.iter().enumerate() {
            let mut answers = VecDeque::new();
            self.core.calls.take(*call, &mut answers);
            outcomes.extend(answers.into_iter().map(|answer| Outcome {
                call: place,
                sequence: answer.sequence.unwrap_or(u32::MAX),
                last: answer.end == End::Last,
                result: match answer.content {
                    Content::Result(payload) => Some(Ok(payload)),
                    Content::Error(error) => Some(Err(error.code)),
                    Content::Nothing => None,
                },
            }));
        }
        self.core.done();
        outcomes
    }
}

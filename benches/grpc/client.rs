//! The client, whose one stream has all that it asks.

use std::iter::repeat_n;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tonic::Streaming;

use crate::load::Caller;
use crate::peer::BoxError;
use crate::proto::Payload;
use crate::roles::{PROBE, window};
use crate::transport::{connected, runtime};

/// Answers that are taken at once, if they are there.
const TOGETHER: usize = 64;

/// It has one payload.
pub(crate) struct Client {
    runtime: Runtime,
    /// A payload, and how many times. No more lies in it than the window has.
    asked: UnboundedSender<(Payload, usize)>,
    answers: Streaming<Payload>,
    payload: Payload,
    window: usize,
}

impl Client {
    /// Connects, and waits until answers have come from everybody who gives them.
    pub(crate) fn connect(address: &str, answering: usize, size: usize) -> Result<Self, BoxError> {
        let runtime = runtime()?;
        let (asked, mut receiver) = unbounded_channel();
        let sent = stream::poll_fn(move |context| receiver.poll_recv(context))
            .flat_map(|(payload, times)| stream::iter(repeat_n(payload, times)));
        let answers = runtime
            .block_on(async { Ok::<_, BoxError>(connected(address).await?.exchange(sent).await?.into_inner()) })?;
        let payload = Payload { bytes: vec![b'x'; size].into() };
        let mut client = Self { runtime, asked, answers, payload, window: window(size) };
        client.find(answering)?;
        Ok(client)
    }

    fn find(&mut self, answering: usize) -> Result<(), BoxError> {
        let mut seen = Vec::new();
        for _ in 0..1_000 {
            if seen.len() == answering {
                return Ok(());
            }
            self.asked.send((Payload { bytes: Bytes::from_static(PROBE) }, 1))?;
            let answer = self.runtime.block_on(self.answers.message())?.ok_or(ENDED)?;
            if !seen.contains(&answer.bytes) {
                seen.push(answer.bytes);
            }
        }
        Err("nobody answers".into())
    }
}

const ENDED: &str = "the stream has ended";

impl Caller for Client {
    fn job(&mut self, count: usize) -> Result<(), BoxError> {
        let Self { runtime, asked, answers, payload, window } = self;
        runtime.block_on(async {
            let (mut sent, mut answered) = (0, 0);
            let mut answers = answers.ready_chunks(TOGETHER);
            while answered < count {
                let room = (count - sent).min(*window - (sent - answered));
                if room > 0 {
                    asked.send((payload.clone(), room))?;
                    sent += room;
                }
                for answer in answers.next().await.ok_or(ENDED)? {
                    answered += usize::from(answer?.bytes.len() == payload.bytes.len());
                }
            }
            Ok(())
        })
    }

    fn call(&mut self) -> Result<(), BoxError> {
        self.job(1)
    }
}

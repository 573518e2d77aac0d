//! What a client decides: which call an answer belongs to, what is sent, what is sent once more. Frames go in and come out;
//! no socket, clock or thread is in it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes};
use prost::Message as _;

use super::answer::{Answer, Content, End};
use super::calls::{Asked, Calls, Waiter};
use super::draft::Written;
use super::id::{Ids, Place};
use super::ledger::Ledger;
use super::line::{Line, Welcomed};
use crate::engine::link::{DATA_HEAD, Frame, PlainReply, Record, StreamNumber, Violation, move_messages};
use crate::wire::{Code, Header, Message, RemoteError, id_of};

/// Bytes of answers that their callers have not taken: beyond it, the component is not told that more were received, and
/// keeps the rest.
const MAX_UNREAD: usize = 64 << 20;

/// Headers that are kept, each for the calls of one function.
const MAX_HEADERS: usize = 1024;

/// Stands for no stream: the records have to be moved.
const NO_STREAM: StreamNumber = StreamNumber::MAX;

/// The line on which messages are submitted.
pub(super) const SUBMIT: usize = 0;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) calls: Calls,
    ids: Ids,
    /// None on classic sockets; the second one, if there is one, brings the results of another component.
    pub(super) lines: Vec<Line>,
    /// What every header of this client says.
    pipeline: String,
    client: String,
    headers: HashMap<String, Arc<Header>>,
    /// What the component has no room for, in order.
    queue: VecDeque<Written>,
    /// When a component last said that it still works on something.
    alive: Option<Instant>,
    /// What has no outcome is asked anew of another run of the component.
    pub(super) resubmits: bool,
}

impl Core {
    pub(super) fn new(ids: Ids, pipeline: &str, client: &str) -> Self {
        Self {
            calls: Calls::new(ids),
            ids,
            lines: Vec::new(),
            pipeline: pipeline.to_owned(),
            client: client.to_owned(),
            headers: HashMap::new(),
            queue: VecDeque::new(),
            alive: None,
            resubmits: true,
        }
    }

    pub(super) const fn is_linked(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Opens a call, of that function if it goes over the link.
    pub(super) fn open(&mut self, function: &str) -> u32 {
        let asked = self.is_linked().then(|| Asked {
            header: self.header(function),
            number: 0,
            stream: NO_STREAM,
            ledger: Ledger::default(),
        });
        self.calls.open(asked)
    }

    /// Calls of one function share a header, and so a stream.
    fn header(&mut self, function: &str) -> Arc<Header> {
        if let Some(header) = self.headers.get(function) {
            return header.clone();
        }
        let header = Message::of_stream(&self.pipeline, &self.client, function, Bytes::new()).header().clone();
        if self.headers.len() >= MAX_HEADERS {
            self.headers.clear();
        }
        self.headers.insert(function.to_owned(), header.clone());
        header
    }

    /// Ends a call. If it is `given_up`, the component is to be told, as far as something of it is not settled: then true.
    pub(super) fn close(&mut self, call: u32, given_up: bool) -> bool {
        let number = self.calls.asked(call).map(|asked| asked.number);
        let open = self.calls.close(call);
        self.done();
        if open {
            self.queue.retain(|written| written.call != call);
        }
        match self.lines.get_mut(SUBMIT) {
            Some(line) if open && given_up => {
                line.cancel(number.unwrap_or(call));
                true
            }
            _ => false,
        }
    }

    /// Asks something. The number of its stream; `None` if the call is over.
    pub(super) fn submit(&mut self, written: Written) -> Option<StreamNumber> {
        let call = written.call;
        self.calls.asked(call)?.ledger.add(written.first, written.count);
        self.queue.push_back(written);
        self.pump();
        self.calls.asked(call).map(|asked| asked.stream)
    }

    /// Whether the component has everything that was asked.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.lines.first().is_none_or(|line| line.session.pending_bytes() == 0)
    }

    /// Whether the component has no room for more.
    pub(super) fn is_backed_up(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) const fn alive(&self) -> Option<Instant> {
        self.alive
    }

    fn pump(&mut self) {
        let Some(line) = self.lines.get_mut(SUBMIT) else { return };
        while line.session.pending_bytes() < line.window
            && let Some(mut written) = self.queue.pop_front()
        {
            let Some(asked) = self.calls.asked(written.call) else { continue };
            asked.stream = line.session.stream_of(&asked.header, self.ids.client());
            if (written.stream, written.call) != (asked.stream, asked.number)
                && let Some(records) = written.records.get_mut(DATA_HEAD..)
            {
                move_messages(records, asked.stream, asked.number);
            }
            asked.ledger.keep(written.first, line.session.push_written(written.records, written.payload));
        }
    }

    /// Everything without an outcome is asked anew, before what was never sent. What may still come of the first time, from
    /// a component further on, is told from it by its number, and taken back as far as it can be.
    fn submit_anew(&mut self) {
        if !self.resubmits {
            return;
        }
        let mut anew = VecDeque::new();
        let calls: Vec<_> = self.calls.all().map(|(call, _)| call).collect();
        for call in calls {
            let again = self.calls.asked(call).map(|asked| asked.ledger.again()).unwrap_or_default();
            if again.is_empty() {
                continue;
            }
            if let (Some(before), Some(line)) = (self.calls.rename(call), self.lines.get_mut(SUBMIT)) {
                line.cancel(before);
            }
            anew.extend(again.into_iter().map(|again| Written {
                call,
                first: again.first,
                count: 0,
                stream: NO_STREAM,
                records: again.records,
                payload: Bytes::new(),
            }));
        }
        anew.append(&mut self.queue);
        self.queue = anew;
        for written in &mut self.queue {
            written.stream = NO_STREAM;
        }
        self.pump();
    }

    /// The component has given up everything that was asked.
    fn fail_all(&mut self, line: usize, woken: &mut Vec<Waiter>) {
        self.queue.clear();
        let component = self.lines[line].name.clone();
        let calls: Vec<_> = self.calls.all().map(|(call, _)| call).collect();
        for call in calls {
            self.calls.give(call, woken, |open| {
                let Some(open) = open else { return };
                let Some(asked) = &mut open.asked else { return };
                let method = asked.header.call().map_or("", |(_, method)| method).to_owned();
                for sequence in asked.ledger.give_up() {
                    let error = RemoteError {
                        code: Code::Cancelled.into(),
                        text: "its results were not taken for too long".to_owned(),
                        component: component.clone(),
                        method: method.clone(),
                        retryable: true,
                    };
                    open.push(Answer {
                        sequence: Some(sequence),
                        content: Content::Error(Box::new(error)),
                        end: End::Last,
                    });
                }
            });
        }
    }

    /// A frame came on a line. Appends who is to be woken for it.
    pub(super) fn hear(&mut self, line: usize, frame: Bytes, now: Instant, woken: &mut Vec<Waiter>) {
        let heard = match Frame::read(frame) {
            Some(frame) => self.take(line, frame, now, woken),
            None => Err(Violation::Frame),
        };
        if let Err(violation) = heard {
            self.lines[line].break_off(violation);
            self.submit_anew();
        }
    }

    fn take(&mut self, line: usize, frame: Frame, now: Instant, woken: &mut Vec<Waiter>) -> Result<(), Violation> {
        let at = &mut self.lines[line];
        match frame {
            Frame::Welcome(welcome) => match at.welcome(&welcome)? {
                Welcomed::Stands | Welcomed::Late => {}
                Welcomed::Forgotten => self.submit_anew(),
                Welcomed::Cancelled => self.fail_all(line, woken),
            },
            // Of the session before.
            _ if !at.is_welcomed() => {}
            Frame::Data { number, processed, records } => {
                at.session.acked(processed)?;
                if at.session.take_in(number, records.len()) {
                    self.take_records(line, records, woken)?;
                    self.done();
                }
                self.pump();
            }
            Frame::Ack { processed } => {
                at.session.acked(processed)?;
                self.pump();
            }
            Frame::Alive => self.alive = Some(now),
            // It comes back, or does not.
            Frame::Bye => {}
            Frame::Hello(_) | Frame::Cancel { .. } => return Err(Violation::Frame),
        }
        Ok(())
    }

    fn take_records(&mut self, line: usize, mut records: Bytes, woken: &mut Vec<Waiter>) -> Result<(), Violation> {
        while !records.is_empty() {
            if !self.take_results(&mut records, woken) {
                let record = Record::read(&mut records).ok_or(Violation::Record)?;
                self.take_record(line, record, woken)?;
            }
        }
        Ok(())
    }

    /// Takes the results of one call off the front, which come in rows; false if there are none.
    fn take_results(&mut self, records: &mut Bytes, woken: &mut Vec<Waiter>) -> bool {
        let Some(first) = PlainReply::first(records) else { return false };
        let number = Place::of_request(first.request).call;
        let call = self.calls.of_number(number);
        let dropped = self.calls.give(call, woken, |mut open| {
            let mut dropped = 0;
            let mut next = Some(first);
            while let Some(PlainReply { request, last, payload }) = next {
                let place = Place::of_request(request);
                if place.call != number {
                    break;
                }
                let length = payload.end;
                let content = Content::Result(records.slice(payload));
                let end = if last { End::Last } else { End::More };
                let answer = Answer { sequence: Some(place.sequence), content, end };
                dropped += u32::from(!open.as_deref_mut().is_some_and(|open| open.result(answer)));
                records.advance(length);
                next = PlainReply::first(records);
            }
            dropped
        });
        (0..dropped).for_each(|_| self.calls.drop_one());
        true
    }

    fn take_record(&mut self, line: usize, record: Record, woken: &mut Vec<Waiter>) -> Result<(), Violation> {
        let session = &mut self.lines[line].session;
        match record {
            Record::Open { stream, client, header } => session.opened(stream, client, &header)?,
            Record::Reset => session.reset(),
            Record::Message { stream, request, extra, payload } => {
                let (header, client) = session.header(stream)?.clone();
                let message = Message::of_header(header, id_of(client, request), &extra, payload)
                    .map_err(|_| Violation::Record)?;
                self.calls.deliver(&message, woken);
            }
            // An error: all others are plain.
            Record::Reply { request, last, payload, .. } => {
                let error = RemoteError::decode(payload).map_err(|_| Violation::Record)?;
                let Place { call, sequence } = Place::of_request(request);
                let end = if last { End::Last } else { End::More };
                let answer = Answer { sequence: Some(sequence), content: Content::Error(Box::new(error)), end };
                let call = self.calls.of_number(call);
                if !self.calls.give(call, woken, |open| open.is_some_and(|open| open.result(answer))) {
                    self.calls.drop_one();
                }
            }
            Record::Settled { client, request, results, .. } if client == self.ids.client() => {
                let Place { call, sequence } = Place::of_request(request);
                let call = self.calls.of_number(call);
                // Of a call that is over: nothing is lost with it.
                self.calls.give(call, woken, |open| open.map(|open| open.settled(sequence, results)));
            }
            // Of another client's request.
            Record::Settled { .. } => {}
            Record::Work { .. } | Record::Result { .. } => return Err(Violation::Record),
        }
        Ok(())
    }

    /// Callers have taken answers: frames are done with as long as not too much is left.
    pub(super) fn done(&mut self) {
        if self.calls.unread() <= MAX_UNREAD {
            for line in &mut self.lines {
                let received = line.session.received();
                line.session.done(received);
            }
        }
    }
}

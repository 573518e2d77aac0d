//! A component as the client's core meets it: the other end of a session, in memory.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::client::answer::{Answer, Content, End};
use crate::client::core::Core;
use crate::client::draft::Draft;
use crate::client::id::{Ids, Place};
use crate::client::line::Line;
use crate::client::payload::Payload;
use crate::engine::link::{Frame, Record, Session};
use crate::wire::proto::{LinkHello, LinkWelcome};

/// The far end of one line, and what it was asked.
pub(super) struct Component {
    pub(super) session: Session,
    session_id: Bytes,
    /// What it was asked, with the payloads.
    pub(super) asked: Vec<(u64, Bytes)>,
    pub(super) cancelled: Vec<u32>,
    pub(super) hellos: Vec<LinkHello>,
    /// The last frame of the client that was acknowledged.
    pub(super) acknowledged: u64,
    /// It says nothing about what it has processed.
    pub(super) silent: bool,
    /// The client has said goodbye.
    pub(super) left: bool,
    /// It has ended the session as nothing was taken.
    pub(super) gave_up: bool,
}

impl Component {
    pub(super) fn new() -> Self {
        Self {
            session: Session::new(),
            session_id: Bytes::new(),
            asked: Vec::new(),
            cancelled: Vec::new(),
            hellos: Vec::new(),
            acknowledged: 0,
            silent: false,
            left: false,
            gave_up: false,
        }
    }

    /// Another run of it.
    pub(super) fn restart(&mut self) {
        (self.session, self.session_id) = (Session::new(), Bytes::new());
    }

    pub(super) fn take(&mut self, frame: Bytes) -> Vec<Bytes> {
        match Frame::read(frame).unwrap() {
            Frame::Hello(hello) => {
                self.hellos.push(hello.clone());
                vec![self.welcome(&hello)]
            }
            Frame::Data { number, processed, mut records } => {
                self.session.acked(processed).unwrap();
                self.acknowledged = processed;
                if self.session.take_in(number, records.len()) {
                    while !records.is_empty() {
                        match Record::read(&mut records).unwrap() {
                            Record::Open { stream, client, header } => {
                                self.session.opened(stream, client, &header).unwrap();
                            }
                            Record::Reset => self.session.reset(),
                            Record::Message { stream, request, payload, .. } => {
                                self.session.header(stream).unwrap();
                                self.asked.push((request, payload));
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                    if !self.silent {
                        self.session.done(number);
                    }
                }
                Vec::new()
            }
            Frame::Ack { processed } => {
                self.session.acked(processed).unwrap();
                self.acknowledged = processed;
                Vec::new()
            }
            Frame::Cancel { call, .. } => {
                self.cancelled.push(call);
                Vec::new()
            }
            Frame::Bye => {
                self.left = true;
                Vec::new()
            }
            other => panic!("{other:?}"),
        }
    }

    fn welcome(&mut self, hello: &LinkHello) -> Bytes {
        let known = hello.session == self.session_id;
        if known {
            self.session.resume(hello.received).unwrap();
        } else if !hello.resumed {
            (self.session, self.session_id) = (Session::new(), hello.session.clone());
        }
        let cancelled = self.gave_up && hello.resumed && !known;
        let (received, session) = (self.session.received(), hello.session.clone());
        Frame::Welcome(LinkWelcome { known, received, submit: true, cancelled, session, ..LinkWelcome::default() })
            .write()
            .into()
    }

    pub(super) fn reply(&mut self, request: u64, payload: &str, last: bool) {
        self.session.push(&Record::Reply { request, last, error: false, payload: payload.as_bytes() });
    }

    pub(super) fn settle(&mut self, client: u64, request: u64, results: u32) {
        self.session.push(&Record::<&[u8]>::Settled { client, request, branches: 1, results });
    }
}

/// A client's core and the component that it is linked to.
pub(super) struct Pair {
    pub(super) core: Core,
    pub(super) component: Component,
    pub(super) ids: Ids,
    pub(super) now: Instant,
    woken: usize,
}

impl Pair {
    pub(super) fn new() -> Self {
        let ids = Ids::new();
        let mut core = Core::new(ids, "session", "client");
        core.lines.push(Line::new("client", ids.client(), true, Some("client"), false));
        let mut pair = Self { core, component: Component::new(), ids, now: Instant::now(), woken: 0 };
        pair.reconnect();
        pair
    }

    /// A connection stands, or stands again; what was under way on the last one is lost.
    pub(super) fn reconnect(&mut self) {
        self.core.lines[0].joined();
        self.exchange();
    }

    /// What either side has to say reaches the other.
    pub(super) fn exchange(&mut self) {
        loop {
            let mut frames = Vec::new();
            self.core.lines[0].take_frames(true, &mut frames);
            let mut back: Vec<_> = frames.drain(..).flat_map(|frame| self.component.take(frame.into())).collect();
            back.extend(self.component.session.take_frames().map(Bytes::from));
            back.extend(self.component.session.ack_due(true).map(|processed| Frame::Ack { processed }.write().into()));
            if back.is_empty() {
                break;
            }
            back.into_iter().for_each(|frame| self.hear(frame));
        }
    }

    /// What either side has to say is lost on the way.
    pub(super) fn lose(&mut self) {
        self.core.lines[0].take_frames(false, &mut Vec::new());
        let _ = self.component.session.take_frames().count();
    }

    pub(super) fn hear(&mut self, frame: Bytes) {
        let mut woken = Vec::new();
        self.core.hear(0, frame, self.now, &mut woken);
        self.woken += woken.len();
    }

    /// A call that asks these payloads.
    pub(super) fn ask<'a>(&mut self, payloads: impl IntoIterator<Item = &'a str>) -> (u32, Draft) {
        let call = self.core.open("server.foo");
        let mut draft = Draft::new(call, "", None);
        self.ask_more(&mut draft, payloads);
        (call, draft)
    }

    pub(super) fn ask_more<'a>(&mut self, draft: &mut Draft, payloads: impl IntoIterator<Item = &'a str>) {
        payloads.into_iter().for_each(|payload| Payload::give(payload.to_owned(), &mut |payload| draft.write(payload)));
        let stream = self.core.submit(draft.take().unwrap());
        draft.set_stream(stream.unwrap());
    }

    /// What has come for a call, each with its place; `-` stands for word that there is none.
    pub(super) fn answers(&mut self, call: u32) -> Vec<(u32, String, End)> {
        let mut answers = VecDeque::new();
        self.core.calls.take(call, &mut answers);
        self.core.done();
        answers.into_iter().map(printed).collect()
    }
}

fn printed(answer: Answer) -> (u32, String, End) {
    let text = match answer.content {
        Content::Result(payload) => String::from_utf8_lossy(&payload).into_owned(),
        Content::Error(error) => format!("error {}", error.code),
        Content::Nothing => "-".to_owned(),
    };
    (answer.sequence.unwrap_or(u32::MAX), text, answer.end)
}

pub(super) const fn request(call: u32, sequence: u32) -> u64 {
    Place { call, sequence }.request()
}

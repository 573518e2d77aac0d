//! One session of two peers: it outlives connections, and every record crosses once and in order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::buffers;
use super::frame::{DATA_HEAD, FrameNumber, put_data_head};
use super::packet::Packet;
use super::record::{Record, StreamNumber};
use crate::wire::{Header, Message, id_of, parts_of};

/// A frame is closed when it is that large; it may hold one record that is larger.
pub(crate) const FRAME_BYTES: usize = 64 << 10;
/// Room of a frame to begin with.
const LEAST_ROOM: usize = 1 << 10;
/// Records that were written elsewhere share a frame with others if there are fewer bytes of them.
const SHARED_BELOW: usize = 4 << 10;
/// A payload from that size on is not copied into its frame, which ends with it.
pub(crate) const SHARED_FROM: usize = 32 << 10;
/// Streams that are open at once in each direction.
const MAX_STREAMS: usize = 4096;
/// Frames that may be processed before the other side is told, and bytes that may have come.
const ACK_EVERY: u64 = 16;
const ACK_BYTES: usize = 512 << 10;

/// A peer broke the rules of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("a frame that is no frame")]
    Frame,
    #[error("a record that is no record")]
    Record,
    #[error("a stream that was never opened")]
    Stream,
    #[error("a header that is no header")]
    Header,
    #[error("an acknowledgement of what was never sent")]
    Ack,
    #[error("more than a peer may send before it is taken in")]
    Credit,
}

/// What one side knows of a session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    // Outgoing.
    /// By the header's place in memory, which lasts as long as the header is kept here, and who asks.
    open_out: HashMap<(usize, u64), (StreamNumber, Arc<Header>)>,
    last_out: Option<(StreamNumber, u64, Arc<Header>)>,
    /// Records of the frame that is being filled, after room for its head.
    filling: Vec<u8>,
    /// Bytes of the frame before it: what it will need, as far as anybody knows.
    room: usize,
    /// Frames that the other side has not processed, oldest first.
    unprocessed: VecDeque<Packet>,
    unprocessed_bytes: usize,
    /// Frames at the end of `unprocessed` that were never handed to the transport.
    unsent: usize,
    /// Number of the oldest of `unprocessed`, and of the last frame that was ever handed to the transport.
    oldest: FrameNumber,
    sent: FrameNumber,
    // Incoming.
    open_in: Vec<Option<(Arc<Header>, u64)>>,
    received: FrameNumber,
    processed: FrameNumber,
    acknowledged: FrameNumber,
    /// Bytes that have come since then.
    heard: usize,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self { oldest: 1, ..Self::default() }
    }

    /// Bytes that the other side has not processed.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.unprocessed_bytes + self.filling.len()
    }

    /// The last frame that was taken in.
    pub(crate) const fn received(&self) -> FrameNumber {
        self.received
    }

    /// The number of `message`'s stream, and that of its request; opens the stream if it is new.
    pub(crate) fn stream(&mut self, message: &Message) -> (StreamNumber, u64) {
        let (client, request) = parts_of(message.id());
        (self.stream_of(message.header(), client), request)
    }

    /// The number of the stream of that header and client; opens it if it is new.
    pub(crate) fn stream_of(&mut self, header: &Arc<Header>, client: u64) -> StreamNumber {
        if let Some((number, of, last)) = &self.last_out
            && Arc::ptr_eq(last, header)
            && *of == client
        {
            return *number;
        }
        let key = (Arc::as_ptr(header).addr(), client);
        let number = match self.open_out.get(&key) {
            Some((number, _)) => *number,
            None => {
                if self.open_out.len() >= MAX_STREAMS {
                    self.open_out.clear();
                    self.push(&Record::<&[u8]>::Reset);
                }
                let number = StreamNumber::try_from(self.open_out.len()).unwrap_or(0);
                self.open_out.insert(key, (number, header.clone()));
                self.push(&Record::Open { stream: number, client, header: header.encoded() });
                number
            }
        };
        self.last_out = Some((number, client, header.clone()));
        number
    }

    /// Puts a record into the next frame.
    pub(crate) fn push<B: AsRef<[u8]>>(&mut self, record: &Record<B>) {
        self.begin_frame();
        record.write(&mut self.filling);
        self.end_full_frame();
    }

    /// The same for a record whose payload, which is `payload`, may be large.
    pub(crate) fn push_shared<B: AsRef<[u8]>>(&mut self, record: &Record<B>, payload: &Bytes) {
        if payload.len() < SHARED_FROM {
            return self.push(record);
        }
        self.begin_frame();
        if record.write_before(&mut self.filling).is_some() {
            let frame = std::mem::take(&mut self.filling);
            self.queue(frame, payload.clone());
        }
    }

    fn begin_frame(&mut self) {
        if self.filling.is_empty() {
            self.filling = buffers::with_room(self.room.clamp(LEAST_ROOM, buffers::ROOM));
            self.filling.resize(DATA_HEAD, 0);
        }
    }

    fn end_full_frame(&mut self) {
        if self.filling.len() >= FRAME_BYTES {
            self.close_frame();
        }
    }

    /// Puts records into the next frames that were written elsewhere, after room for a frame's head, and gives them back to be
    /// kept. Their streams are open. The last of them ends with `payload`.
    pub(crate) fn push_written(&mut self, records: Vec<u8>, payload: Bytes) -> Packet {
        if records.len() < SHARED_BELOW && payload.is_empty() {
            if self.filling.is_empty() {
                self.filling.resize(DATA_HEAD, 0);
            }
            self.filling.extend_from_slice(records.get(DATA_HEAD..).unwrap_or_default());
            self.end_full_frame();
            return records.into();
        }
        self.close_frame();
        self.queue(records, payload)
    }

    fn close_frame(&mut self) {
        if !self.filling.is_empty() {
            let frame = std::mem::take(&mut self.filling);
            // With room for one more record.
            self.room = frame.len() + LEAST_ROOM;
            self.queue(frame, Bytes::new());
        }
    }

    /// The frame, as it is kept.
    fn queue(&mut self, mut frame: Vec<u8>, payload: Bytes) -> Packet {
        let number = self.oldest + self.unprocessed.len() as u64;
        let mut head = Vec::with_capacity(DATA_HEAD);
        put_data_head(&mut head, number, self.acknowledge());
        frame[..DATA_HEAD].copy_from_slice(&head);
        // It is kept for a while: not with the room it has grown.
        if frame.len() < frame.capacity() / 4 * 3 {
            let exact = frame.clone();
            buffers::give_back(std::mem::replace(&mut frame, exact));
        }
        let packet = Packet::new(frame.into(), payload);
        self.unprocessed_bytes += packet.len();
        self.unprocessed.push_back(packet.clone());
        self.unsent += 1;
        packet
    }

    /// Whether everything was handed to the transport.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.unsent == 0 && self.filling.is_empty()
    }

    /// The frames that are ready to be sent, each once.
    pub(crate) fn take_frames(&mut self) -> impl Iterator<Item = Packet> {
        self.close_frame();
        let from = self.unprocessed.len() - std::mem::take(&mut self.unsent);
        self.sent = self.sent.max(self.oldest + self.unprocessed.len() as u64 - 1);
        self.unprocessed.range(from..).cloned()
    }

    /// What is to be acknowledged now, if nothing else is sent that does it.
    pub(crate) fn ack_due(&mut self, at_rest: bool) -> Option<FrameNumber> {
        (self.is_ack_due() || (at_rest && self.owes_ack())).then(|| self.acknowledge())
    }

    /// Whether the other side is to be told soon what was processed.
    pub(crate) const fn is_ack_due(&self) -> bool {
        let due = self.processed - self.acknowledged;
        due >= ACK_EVERY || (due > 0 && self.heard >= ACK_BYTES)
    }

    /// The other side is told what was processed.
    const fn acknowledge(&mut self) -> FrameNumber {
        (self.acknowledged, self.heard) = (self.processed, 0);
        self.processed
    }

    /// Whether the other side waits to be told what was processed.
    pub(crate) const fn owes_ack(&self) -> bool {
        self.processed > self.acknowledged
    }

    /// The connection is new: everything that the other side has not received is sent again.
    pub(crate) fn resume(&mut self, received: FrameNumber) -> Result<(), Violation> {
        self.acked(received)?;
        self.unsent = self.unprocessed.len();
        Ok(())
    }

    /// The records that the other side has not processed, by frames.
    pub(crate) fn unprocessed(&self) -> Vec<Bytes> {
        let frames = self.unprocessed.iter().map(|packet| packet.after(DATA_HEAD));
        frames.chain([Bytes::copy_from_slice(self.filling.get(DATA_HEAD..).unwrap_or_default())]).collect()
    }

    /// Replies that the other side has not processed, for the count of what is dropped with it.
    pub(crate) fn replies(&self) -> u64 {
        let mut replies = 0;
        for mut records in self.unprocessed() {
            while let Some(record) = Record::read(&mut records) {
                replies += u64::from(matches!(record, Record::Reply { .. } | Record::Message { .. }));
            }
        }
        replies
    }

    /// The other side has processed every frame up to `number`.
    pub(crate) fn acked(&mut self, number: FrameNumber) -> Result<(), Violation> {
        if number > self.sent {
            return Err(Violation::Ack);
        }
        while self.oldest <= number {
            if let Some(frame) = self.unprocessed.pop_front() {
                self.unprocessed_bytes -= frame.len();
                frame.give_back();
            }
            self.oldest += 1;
        }
        // What is to be sent again may be known to have arrived meanwhile.
        self.unsent = self.unsent.min(self.unprocessed.len());
        Ok(())
    }

    /// Whether a data frame of that number is the next one. One that came before is a copy; one that comes too early follows
    /// a gap, which the resumption of the session will fill.
    pub(crate) const fn take_in(&mut self, number: FrameNumber, bytes: usize) -> bool {
        self.heard += bytes;
        // Not `received += u64::from(next)`: rustc 1.95 with LLVM 22.1.2 makes a wrong number of that where it is optimized.
        if number != self.received + 1 {
            return false;
        }
        self.received = number;
        true
    }

    /// The frames up to that one are done with: the other side may forget them.
    pub(crate) const fn done(&mut self, number: FrameNumber) {
        self.processed = number;
    }

    /// A stream was opened by the other side.
    pub(crate) fn opened(&mut self, stream: StreamNumber, client: u64, header: &Bytes) -> Result<(), Violation> {
        let header = Message::decode(header.clone()).map_err(|_| Violation::Header)?.header().clone();
        let place = usize::try_from(stream).unwrap_or(usize::MAX);
        if place >= MAX_STREAMS {
            return Err(Violation::Stream);
        }
        if place >= self.open_in.len() {
            self.open_in.resize(place + 1, None);
        }
        self.open_in[place] = Some((header, client));
        Ok(())
    }

    /// A message of a stream that the other side has opened.
    pub(crate) fn message(
        &self,
        stream: u32,
        request: u64,
        extra: &Bytes,
        payload: Bytes,
    ) -> Result<Message, Violation> {
        let (header, client) = self.header(stream)?;
        Message::of_header(header.clone(), id_of(*client, request), extra, payload).map_err(|_| Violation::Record)
    }

    /// The other side closed its streams.
    pub(crate) fn reset(&mut self) {
        self.open_in.clear();
    }

    /// The header of a stream of the other side, and who asks.
    pub(crate) fn header(&self, stream: StreamNumber) -> Result<&(Arc<Header>, u64), Violation> {
        let place = usize::try_from(stream).unwrap_or(usize::MAX);
        self.open_in.get(place).and_then(Option::as_ref).ok_or(Violation::Stream)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::*;

    /// Delivers frames of one session to the other, and gives the payloads that came out.
    fn deliver(frames: Vec<Bytes>, to: &mut Session) -> Vec<Bytes> {
        let mut payloads = Vec::new();
        let mut last = 0;
        for frame in frames {
            let Some(Frame::Data { number, mut records, .. }) = Frame::read(frame) else { panic!("no data frame") };
            if !to.take_in(number, records.len()) {
                continue;
            }
            last = number;
            while !records.is_empty() {
                match Record::read(&mut records).expect("a record") {
                    Record::Open { stream, client, header } => to.opened(stream, client, &header).expect("a header"),
                    Record::Message { stream, payload, .. } => {
                        to.header(stream).expect("an open stream");
                        payloads.push(payload);
                    }
                    Record::Reset => to.reset(),
                    other => panic!("{other:?}"),
                }
            }
        }
        to.done(last.max(to.received()));
        payloads
    }

    fn say(session: &mut Session, function: &str, payload: &str) {
        let message = Message::new(function, payload.to_owned());
        let (stream, request) = session.stream(&message);
        session.push(&Record::Message { stream, request, extra: &[][..], payload: &message.payload()[..] });
    }

    #[test]
    fn many_records_share_a_frame_and_a_header_crosses_once() {
        let (mut ours, mut theirs) = (Session::new(), Session::new());
        let message = Message::new("server.foo", "a");
        for _ in 0..100 {
            let (stream, request) = ours.stream(&message);
            ours.push(&Record::Message { stream, request, extra: &[][..], payload: &message.payload()[..] });
        }
        let frames: Vec<_> = ours.take_frames().map(Bytes::from).collect();
        assert_eq!(frames.len(), 1);
        let headers = frames[0].windows(10).filter(|bytes| bytes == b"server.foo").count();
        assert_eq!(headers, 1);
        assert_eq!(deliver(frames, &mut theirs).len(), 100);
    }

    #[test]
    fn what_was_lost_is_sent_again_once_and_in_order() {
        let (mut ours, mut theirs) = (Session::new(), Session::new());
        let mut frames = Vec::new();
        for number in 0..10 {
            say(&mut ours, "server.foo", &number.to_string());
            frames.extend(ours.take_frames().map(Bytes::from));
        }
        let mut got = deliver(frames[..3].to_vec(), &mut theirs);
        // Frames 4 to 6 are lost with the connection; the rest is in the pipe of the next one, and comes first.
        got.extend(deliver(frames[6..].to_vec(), &mut theirs));
        ours.resume(theirs.received()).expect("a number that was sent");
        let again = ours.take_frames().map(Bytes::from).collect();
        got.extend(deliver(again, &mut theirs));
        let expected: Vec<_> = (0..10).map(|number: i32| number.to_string()).collect();
        assert_eq!(got, expected);
        assert_eq!(ours.take_frames().count(), 0);
    }

    #[test]
    fn a_large_payload_stays_where_it_is_until_it_is_sent() {
        let (mut ours, mut theirs) = (Session::new(), Session::new());
        let payload = Bytes::from(vec![7; SHARED_FROM]);
        say(&mut ours, "server.foo", "before");
        let message = Message::new("server.foo", payload.clone());
        let (stream, request) = ours.stream(&message);
        let record = Record::Message { stream, request, extra: &[][..], payload: &payload[..] };
        ours.push_shared(&record, &payload);
        say(&mut ours, "server.foo", "behind");
        assert!(!payload.is_unique() && ours.pending_bytes() > payload.len());
        let records: usize = ours.unprocessed().iter().map(Bytes::len).sum();
        let frames: Vec<_> = ours.take_frames().map(Bytes::from).collect();
        assert_eq!(records, frames.iter().map(|frame| frame.len() - DATA_HEAD).sum::<usize>());
        assert_eq!(deliver(frames, &mut theirs), [&b"before"[..], &payload, b"behind"]);
        drop(message);
        ours.acked(theirs.received()).expect("it was sent");
        assert!(payload.is_unique());
        assert_eq!(ours.pending_bytes(), 0);
    }

    #[test]
    fn much_is_acknowledged_at_once_and_little_with_the_next_frame() {
        let mut session = Session::new();
        assert!(session.take_in(1, 100));
        session.done(1);
        assert_eq!(session.ack_due(false), None);
        assert!(session.take_in(2, ACK_BYTES));
        assert_eq!(session.ack_due(false), Some(1), "the second one is not processed");
        session.done(2);
        assert_eq!(session.ack_due(false), None);
        say(&mut session, "server.foo", "a");
        assert!(session.take_frames().count() == 1 && !session.owes_ack());
    }

    #[test]
    fn what_is_acknowledged_is_forgotten() {
        let (mut ours, mut theirs) = (Session::new(), Session::new());
        say(&mut ours, "server.foo", "a");
        let frames = ours.take_frames().map(Bytes::from).collect();
        assert!(ours.pending_bytes() > 0);
        deliver(frames, &mut theirs);
        let processed = theirs.ack_due(true).expect("one frame is done with");
        assert_eq!(theirs.ack_due(true), None);
        ours.acked(processed).expect("it was sent");
        assert_eq!(ours.pending_bytes(), 0);
        assert_eq!(ours.acked(2), Err(Violation::Ack));
    }

    #[test]
    fn more_streams_than_are_kept_open() {
        let (mut ours, mut theirs) = (Session::new(), Session::new());
        let mut got = 0;
        for number in 0..3 * MAX_STREAMS {
            say(&mut ours, &format!("server.f{number}"), "a");
            let frames = ours.take_frames().map(Bytes::from).collect();
            got += deliver(frames, &mut theirs).len();
        }
        assert_eq!(got, 3 * MAX_STREAMS);
    }
}

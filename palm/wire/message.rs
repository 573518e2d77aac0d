//! The message as users, parts and the engine see it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::budget::{Budget, MAX_BUDGET_BYTES, put_budget};
use super::head::put_id;
use super::header::{CallError, Header};
use super::id::Id;
use super::proto::{Delivery, Part, RemoteError};
use super::scan::{DecodeError, Field, Scan, Value};
use super::streams::Streams;

/// A part of a message up to this size is copied when the message is kept: a slice may keep alive a frame of many messages.
const COMPACT_BELOW: usize = 16 << 10;

pub(super) const ID: u32 = 16;
pub(super) const DELIVERY: u32 = 17;
const ERROR: u32 = 18;
const PART: u32 = 21;

/// One PALM message.
///
/// What the messages of a stream share (pipeline, client, stage, function) is kept once; changing one of these fields forks
/// that header for this message alone. The payload is a slice of the frame that came in; fields that this library does not
/// know are kept and sent on.
///
/// ```
/// use palm::Message;
/// let mut message = Message::new("server.foo pipeline.bar", "a message");
/// message.next_stage();
/// let again = Message::decode(message.encode().into())?;
/// assert_eq!((again.function(), again.stage()), ("server.foo pipeline.bar", 1));
/// assert_eq!(again.payload(), "a message");
/// # Ok::<(), palm::wire::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Message {
    pub(super) header: Arc<Header>,
    /// UTF-8, checked when it was read.
    pub(super) cache: Bytes,
    pub(super) payload: Bytes,
    pub(super) id: Option<Id>,
    /// Every other field, encoded, in order of arrival.
    pub(super) extra: Bytes,
    pub(super) budget: Option<Budget>,
}

impl Message {
    /// A message that calls `function` at stage 0, of no client, with no identifiers.
    pub fn new(function: &str, payload: impl Into<Bytes>) -> Self {
        Self::of_stream("", "", function, payload)
    }

    pub(crate) fn of_stream(pipeline: &str, client: &str, function: &str, payload: impl Into<Bytes>) -> Self {
        let header = Arc::new(Header::new(pipeline, client, 0, function));
        Self::of_parts(header, payload.into(), None)
    }

    /// A message of a stream whose header is known, with nothing else to say.
    pub(crate) const fn of_parts(header: Arc<Header>, payload: Bytes, id: Option<Id>) -> Self {
        Self { header, cache: Bytes::new(), payload, id, extra: Bytes::new(), budget: None }
    }

    pub(super) const fn from_parts(
        header: Arc<Header>,
        cache: Bytes,
        payload: Bytes,
        id: Option<Id>,
        extra: Bytes,
        budget: Option<Budget>,
    ) -> Self {
        Self { header, cache, payload, id, extra, budget }
    }

    /// Reads an encoded message. The payload stays a slice of `frame`.
    ///
    /// # Errors
    /// The bytes are no protobuf message, or a text field is not UTF-8.
    pub fn decode(frame: Bytes) -> Result<Self, DecodeError> {
        Streams::default().decode(frame)
    }

    /// The message as it goes over the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_at(Instant::now())
    }

    /// The same for a message that leaves at `now`.
    pub(crate) fn encode_at(&self, now: Instant) -> Vec<u8> {
        let budget = if self.budget.is_some() { MAX_BUDGET_BYTES } else { 0 };
        let mut bytes = Vec::with_capacity(self.encoded_len() + budget);
        self.encode_into(&mut bytes);
        if let Some(budget) = self.budget {
            put_budget(budget.left(now), &mut bytes);
        }
        bytes
    }

    pub(crate) fn encoded_len(&self) -> usize {
        let id = if self.id.is_some() { ID_FIELD_BYTES } else { 0 };
        self.header.encoded.len() + field_len(&self.cache) + field_len(&self.payload) + id + self.extra.len()
    }

    pub(crate) fn encode_into(&self, into: &mut Vec<u8>) {
        into.put_slice(&self.header.encoded);
        put_field(5, &self.cache, into);
        put_field(6, &self.payload, into);
        if let Some(id) = &self.id {
            put_id(id, into);
        }
        into.put_slice(&self.extra);
    }

    /// Identifier of the stream: the client's session, or a UUID.
    #[must_use]
    pub fn pipeline(&self) -> &str {
        &self.header.pipeline
    }

    /// Identifier of the client that started the stream.
    #[must_use]
    pub fn client(&self) -> &str {
        &self.header.client
    }

    /// Index of the step that the message goes through, from 0.
    #[must_use]
    pub fn stage(&self) -> i64 {
        self.header.stage
    }

    /// `server.method`, or one for each step, separated by single spaces.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.header.function
    }

    /// Key of a cache call; otherwise an identifier of the circulating message, which need not be unique. A component gives one
    /// to what comes in with neither it nor an [`id`](Self::id), and leaves it empty where there is an `id`.
    #[must_use]
    pub fn cache(&self) -> &str {
        std::str::from_utf8(&self.cache).unwrap_or_default()
    }

    /// Gives the message an identifier, in its `cache` field, if it has none.
    pub(crate) fn identify(&mut self) {
        if self.id.is_none() && self.cache.is_empty() {
            self.set_cache(uuid::Uuid::new_v4().to_string());
        }
    }

    pub(crate) fn cache_bytes(&self) -> Bytes {
        self.cache.clone()
    }

    /// What the user sent.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Identifier of the request, if the client set one.
    #[must_use]
    pub const fn id(&self) -> Option<&[u8; 16]> {
        self.id.as_ref()
    }

    /// Why there is no result, if there is none.
    #[must_use]
    pub fn error(&self) -> Option<RemoteError> {
        self.extension(ERROR)
    }

    /// Which hand-out of a master this is: a key for work that must not be done twice. `None` for a message that no master
    /// of this library has handed out.
    #[must_use]
    pub fn delivery(&self) -> Option<Delivery> {
        self.extension(DELIVERY)
    }

    /// How long the caller still waits, if it set a deadline: zero if that is over.
    ///
    /// Within a component it shrinks; on the way the time of a hop's own is all that counts, so that clocks need not agree.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.budget.map(|budget| budget.left(Instant::now()))
    }

    /// Sets how long the caller waits from now on, in whole milliseconds on the wire, 49 days at most; `None` for no limit.
    pub fn set_remaining(&mut self, remaining: impl Into<Option<Duration>>) {
        self.budget = remaining.into().map(Budget::of);
    }

    /// Notes that the message came in at `now`: from here on its time runs.
    pub(crate) fn arrived(&mut self, now: Instant) {
        if let Some(budget) = self.budget {
            self.budget = budget.began_at(now);
        }
    }

    /// When the time is over, for a message that has come in.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        match self.budget {
            Some(Budget::Until(deadline)) => Some(deadline),
            _ => None,
        }
    }

    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Makes the message one of another stream.
    pub fn set_pipeline(&mut self, pipeline: &str) {
        let header = &self.header;
        self.header = Arc::new(Header::new(pipeline, &*header.client, header.stage, &*header.function));
    }

    /// Makes the message one of another client, to which the answer will go.
    pub fn set_client(&mut self, client: &str) {
        let header = &self.header;
        self.header = Arc::new(Header::new(&*header.pipeline, client, header.stage, &*header.function));
    }

    /// Changes the functions that are called.
    pub fn set_function(&mut self, function: &str) {
        let header = &self.header;
        self.header = Arc::new(Header::new(&*header.pipeline, &*header.client, header.stage, function));
    }

    /// Moves the message to a stage.
    pub fn set_stage(&mut self, stage: i64) {
        self.header = Arc::new(self.header.at_stage(stage));
    }

    /// Moves the message one stage on, as every pipelined hop does.
    pub fn next_stage(&mut self) {
        self.header = self.header.next_stage();
    }

    /// Sets the key of a cache call, or the identifier of the message.
    pub fn set_cache(&mut self, cache: impl Into<String>) {
        self.cache = cache.into().into();
    }

    /// Changes what the message carries.
    pub fn set_payload(&mut self, payload: impl Into<Bytes>) {
        self.payload = payload.into();
    }

    /// The same message with another payload (the documentation's `change_payload`).
    #[must_use]
    pub fn with_payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.set_payload(payload);
        self
    }

    /// The same with another payload, without a look at its own.
    pub(crate) fn with_other_payload(&self, payload: Bytes) -> Self {
        Self {
            header: self.header.clone(),
            cache: self.cache.clone(),
            payload,
            id: self.id,
            extra: self.extra.clone(),
            budget: self.budget,
        }
    }

    /// Makes it another message of its stream, which has nothing but these.
    pub(crate) fn set_item(&mut self, id: Option<Id>, payload: Bytes) {
        (self.id, self.payload) = (id, payload);
    }

    /// Whether it has nothing but a stream, an identifier and a payload.
    pub(crate) const fn is_plain(&self) -> bool {
        self.id.is_some() && self.cache.is_empty() && self.extra.is_empty() && self.budget.is_none()
    }

    pub(crate) fn into_payload(self) -> Bytes {
        self.payload
    }

    /// Gives the request an identifier that its answers bring back.
    pub const fn set_id(&mut self, id: [u8; 16]) {
        self.id = Some(id);
    }

    /// Turns the message into the report of an error: other implementations see the payload `0`, as theirs would be.
    pub fn set_error(&mut self, error: &RemoteError) {
        self.payload = Bytes::from_static(b"0");
        self.set_extension(ERROR, &error.encode_to_vec());
    }

    /// Whether the message says only that there is no result.
    pub(crate) fn is_empty_part(&self) -> bool {
        self.extension(PART).is_some_and(|part: Part| part.empty)
    }

    /// The message that says to a master: this one gave no result.
    pub(crate) fn empty_part(&self) -> Self {
        let mut message = self.clone().with_payload(Bytes::new());
        message.set_extension(PART, &Part { empty: true, last: true, index: 0 }.encode_to_vec());
        message
    }

    /// The message as it is handed to a worker.
    pub(crate) fn set_delivery(&mut self, delivery: &Delivery) {
        self.set_extension(DELIVERY, &delivery.encode_to_vec());
    }

    /// Says to a master: what its worker got before this message may still be under way.
    pub(crate) fn set_threads(&mut self, threads: usize) {
        if let Some(delivery) = self.delivery() {
            let threads = u32::try_from(threads).unwrap_or(u32::MAX);
            self.set_delivery(&Delivery { threads, ..delivery });
        }
    }

    /// Takes the mark of the hand-out off: it means something to the master alone.
    pub(crate) fn take_delivery(&mut self) -> Option<Delivery> {
        let mut fields = Scan::new(&self.extra, 0);
        // Nearly always there is nothing else.
        if let Some(Ok(Field { number: DELIVERY, span, value: Value::Bytes(range) })) = fields.next()
            && span.end == self.extra.len()
        {
            let delivery = Delivery::decode(&self.extra[range]).ok()?;
            self.extra = Bytes::new();
            return Some(delivery);
        }
        let delivery = self.delivery()?;
        self.extra = self.extra_without(DELIVERY).into();
        Some(delivery)
    }

    /// The topic on which the client waits for its answers: its id.
    pub(crate) fn client_topic(&self) -> &Bytes {
        &self.header.topic
    }

    /// Lets go of the frames that parts of the message are slices of, where these are larger than the parts: for a message
    /// that will be kept for a while.
    pub(crate) fn compact(&mut self) {
        let own = |part: &mut Bytes| {
            if part.len() <= COMPACT_BELOW {
                *part = Bytes::copy_from_slice(part);
            }
        };
        own(&mut self.cache);
        own(&mut self.extra);
        own(&mut self.payload);
    }

    /// The component and the method that this hop is to call.
    pub(crate) fn call(&self) -> Result<(&str, &str), CallError> {
        self.header.call()
    }

    /// A message of a stream whose header is known; `extra` is its other fields, encoded.
    pub(crate) fn of_header(
        header: Arc<Header>,
        id: Option<Id>,
        extra: &Bytes,
        payload: Bytes,
    ) -> Result<Self, DecodeError> {
        if extra.is_empty() {
            return Ok(Self::of_parts(header, payload, id));
        }
        let mut message = Self::decode(extra.clone())?;
        (message.header, message.id, message.payload) = (header, id.or(message.id), payload);
        Ok(message)
    }

    /// Every field from 5 on but payload and identifier, encoded, for a message that leaves at `now`.
    pub(crate) fn encoded_extra(&self, now: Instant) -> Bytes {
        if self.cache.is_empty() && self.budget.is_none() {
            return self.extra.clone();
        }
        let mut extra = Vec::with_capacity(field_len(&self.cache) + self.extra.len() + MAX_BUDGET_BYTES);
        put_field(5, &self.cache, &mut extra);
        extra.put_slice(&self.extra);
        if let Some(budget) = self.budget {
            put_budget(budget.left(now), &mut extra);
        }
        extra.into()
    }

    pub(crate) const fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// An extension that is a message of its own. One that stands twice is one, as protobuf has it.
    fn extension<T: prost::Message + Default>(&self, number: u32) -> Option<T> {
        if self.extra.is_empty() {
            return None;
        }
        let mut extension = None;
        for value in self.extensions(number) {
            extension.get_or_insert_with(T::default).merge(value).ok()?;
        }
        extension
    }

    fn extensions(&self, number: u32) -> impl Iterator<Item = &[u8]> {
        Scan::new(&self.extra, 0).flatten().filter(move |field| field.number == number).filter_map(|field| match field
            .value
        {
            Value::Bytes(range) => Some(&self.extra[range]),
            _ => None,
        })
    }

    /// Every field of `extra` but one, with room for a new one.
    pub(super) fn extra_without(&self, number: u32) -> Vec<u8> {
        let mut extra = Vec::with_capacity(self.extra.len() + 32);
        for field in Scan::new(&self.extra, 0).flatten().filter(|field| field.number != number) {
            extra.extend_from_slice(&self.extra[field.span]);
        }
        extra
    }

    fn set_extension(&mut self, number: u32, value: &[u8]) {
        let mut extra = self.extra_without(number);
        encode_key(number, WireType::LengthDelimited, &mut extra);
        encode_varint(value.len() as u64, &mut extra);
        extra.extend_from_slice(value);
        self.extra = extra.into();
    }
}

/// Length of an identifier's field: its key takes two bytes, its length one.
const ID_FIELD_BYTES: usize = 3 + size_of::<Id>();

fn field_len(value: &Bytes) -> usize {
    if value.is_empty() { 0 } else { 1 + encoded_len_varint(value.len() as u64) + value.len() }
}

/// Fields 5 and 6: the key takes one byte; an empty value is left out, as proto3 has it.
pub(super) fn put_field(number: u32, value: &Bytes, into: &mut Vec<u8>) {
    if !value.is_empty() {
        encode_key(number, WireType::LengthDelimited, into);
        encode_varint(value.len() as u64, into);
        into.put_slice(value);
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("pipeline", &self.pipeline())
            .field("client", &self.client())
            .field("stage", &self.stage())
            .field("function", &self.function())
            .field("cache", &self.cache())
            .field("payload", &self.payload)
            .field("error", &self.error().map(|error| error.text))
            .finish_non_exhaustive()
    }
}

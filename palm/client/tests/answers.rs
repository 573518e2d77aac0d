//! Which call an answer belongs to, what is acknowledged, and what is sent together.

use super::component::{Pair, request};
use crate::client::answer::End::{Last, More};
use crate::engine::link::{Frame, Record};
use crate::wire::Message;

#[test]
fn answers_find_their_calls_and_settle_their_requests() {
    let mut pair = Pair::new();
    let (first, _) = pair.ask(["a", "b"]);
    let (second, _) = pair.ask(["c"]);
    pair.exchange();
    assert_eq!(pair.component.asked.len(), 3);
    pair.component.reply(request(second, 0), "C", true);
    pair.component.reply(request(first, 1), "B", true);
    pair.component.reply(request(first, 0), "A1", false);
    pair.component.settle(pair.ids.client(), request(first, 0), 2);
    pair.component.reply(request(first, 0), "A2", false);
    pair.exchange();
    assert_eq!(pair.answers(second), [(0, "C".to_owned(), Last)]);
    let expected = [(1, "B", Last), (0, "A1", More), (0, "A2", Last)];
    assert_eq!(pair.answers(first), expected.map(|(sequence, text, end)| (sequence, text.to_owned(), end)));
    assert!(!pair.core.close(first, true) && !pair.core.close(second, true), "nothing is taken back");
}

#[test]
fn a_request_may_have_no_result() {
    let mut pair = Pair::new();
    let (call, _) = pair.ask(["a"]);
    pair.exchange();
    // Of somebody else's request of the same number.
    pair.component.settle(pair.ids.client() ^ 1, request(call, 0), 0);
    pair.exchange();
    assert_eq!(pair.answers(call), []);
    pair.component.settle(pair.ids.client(), request(call, 0), 0);
    pair.exchange();
    assert_eq!(pair.answers(call), [(0, "-".to_owned(), Last)]);
}

#[test]
fn what_has_no_identifier_goes_to_the_oldest_call() {
    let mut pair = Pair::new();
    let (first, _) = pair.ask(["a"]);
    pair.ask(["b"]);
    pair.exchange();
    let message = Message::of_stream("", "client", "server.foo", "plain");
    let session = &mut pair.component.session;
    let (stream, request) = session.stream(&message);
    session.push(&Record::Message { stream, request, extra: &[][..], payload: &message.payload()[..] });
    pair.exchange();
    assert_eq!(pair.answers(first)[0].1, "plain");
}

#[test]
fn what_comes_for_no_open_call_is_dropped_and_counted() {
    let mut pair = Pair::new();
    let (call, _) = pair.ask(["a"]);
    pair.exchange();
    assert!(pair.core.close(call, true));
    pair.exchange();
    assert_eq!(pair.component.cancelled, [call]);
    pair.component.reply(request(call, 0), "late", true);
    pair.component.settle(pair.ids.client(), request(call, 0), 1);
    pair.exchange();
    assert_eq!(pair.core.calls.dropped(), 1);
}

#[test]
fn who_has_what_it_wants_takes_nothing_back() {
    let mut pair = Pair::new();
    let (call, _) = pair.ask(["a"]);
    pair.exchange();
    assert!(!pair.core.close(call, false));
    pair.exchange();
    assert_eq!(pair.component.cancelled, [0; 0]);
}

#[test]
fn many_messages_share_a_frame_and_calls_of_one_function_a_stream() {
    let mut pair = Pair::new();
    let payload = "x".repeat(150);
    let (_, mut draft) = pair.ask(std::iter::repeat_n(&*payload, 300));
    pair.ask(["other"]);
    pair.ask_more(&mut draft, std::iter::repeat_n(&*payload, 300));
    let mut frames = Vec::new();
    pair.core.lines[0].take_frames(false, &mut frames);
    // The stream is opened, a frame of each batch, and the other call's message between them.
    assert_eq!(frames.len(), 4);
    let opened =
        frames.iter().filter(|frame| frame.pieces()[0].windows(10).any(|bytes| bytes == b"server.foo")).count();
    assert_eq!(opened, 1);
    assert!(!pair.core.is_idle());
}

#[test]
fn what_the_component_has_no_room_for_waits_in_order() {
    let mut pair = Pair::new();
    pair.component.silent = true;
    let large = "x".repeat(1 << 20);
    let (call, mut draft) = pair.ask([&*large]);
    for _ in 0..20 {
        pair.ask_more(&mut draft, [&*large]);
    }
    let (dropped, _) = pair.ask([&*large]);
    assert!(pair.core.is_backed_up());
    pair.exchange();
    assert_eq!(pair.component.asked.len(), 8);
    pair.core.close(dropped, true);
    pair.component.silent = false;
    while pair.component.asked.len() < 21 {
        let processed = pair.component.session.received();
        pair.component.session.done(processed);
        pair.exchange();
    }
    assert!(pair.core.is_idle() && !pair.core.is_backed_up());
    let order: Vec<_> = pair.component.asked.iter().map(|(asked, _)| *asked).collect();
    assert_eq!(order, (0..21).map(|sequence| request(call, sequence)).collect::<Vec<_>>());
}

#[test]
fn what_is_not_read_is_not_acknowledged() {
    let mut pair = Pair::new();
    let (call, _) = pair.ask(["a"]);
    let (other, _) = pair.ask(["b"]);
    pair.exchange();
    let large = "x".repeat(1 << 20);
    for _ in 0..80 {
        pair.component.reply(request(call, 0), &large, false);
        pair.exchange();
    }
    // As many as fit into 64 MiB, and the one that did not.
    assert_eq!(pair.component.acknowledged, 64);
    pair.component.reply(request(other, 0), "here", true);
    pair.exchange();
    assert_eq!((pair.answers(other).len(), pair.component.acknowledged), (1, 64));
    assert_eq!(pair.answers(call).len(), 80);
    pair.exchange();
    assert_eq!(pair.component.acknowledged, 81);
}

#[test]
fn a_sign_of_life_is_noted() {
    let mut pair = Pair::new();
    assert_eq!(pair.core.alive(), None);
    pair.hear(Frame::Alive.write().into());
    assert_eq!(pair.core.alive(), Some(pair.now));
}

//! One outcome for each request, whatever happens to connections and to the component.

use proptest::prelude::*;

use super::component::{Pair, request};
use crate::client::answer::End::Last;
use crate::client::id::Place;
use crate::engine::link::{Frame, SHARED_FROM};

fn sequences(pair: &Pair) -> Vec<u64> {
    pair.component.asked.iter().map(|(request, _)| *request & u64::from(u32::MAX)).collect()
}

#[test]
fn what_a_connection_loses_is_sent_again_once() {
    let mut pair = Pair::new();
    let (call, mut draft) = pair.ask(["0", "1"]);
    pair.exchange();
    pair.ask_more(&mut draft, ["2"]);
    pair.component.reply(request(call, 0), "A", true);
    pair.lose();
    pair.ask_more(&mut draft, ["3"]);
    pair.reconnect();
    assert_eq!(sequences(&pair), [0, 1, 2, 3]);
    assert_eq!(pair.answers(call), [(0, "A".to_owned(), Last)]);
    let hello = pair.component.hellos.last().unwrap();
    assert!(hello.resumed && hello.session == pair.component.hellos[0].session);
}

#[test]
fn nothing_is_said_before_the_component_has_answered_the_greeting() {
    let mut pair = Pair::new();
    pair.core.lines[0].joined();
    pair.ask(["a"]);
    let mut frames = Vec::new();
    pair.core.lines[0].take_frames(true, &mut frames);
    assert!(matches!(Frame::read(frames.pop().unwrap().into()), Some(Frame::Hello(_))));
    assert!(frames.is_empty());
}

#[test]
fn another_run_of_the_component_is_asked_anew_for_what_has_no_outcome() {
    let mut pair = Pair::new();
    let (call, mut draft) = pair.ask(["0", "1", "2"]);
    pair.exchange();
    pair.component.reply(request(call, 1), "B", true);
    pair.component.reply(request(call, 2), "C1", false);
    pair.exchange();
    pair.component.restart();
    pair.component.asked.clear();
    pair.ask_more(&mut draft, ["3"]);
    pair.reconnect();
    assert_eq!(sequences(&pair), [0, 2, 3]);
    assert_eq!(pair.component.hellos.len(), 3);
    let payloads: Vec<_> = pair.component.asked.iter().map(|(_, payload)| payload.clone()).collect();
    assert_eq!(payloads, ["0", "2", "3"]);
    // What still comes of the first time is told from what comes now.
    pair.component.reply(request(call, 0), "of the run before", true);
    let call_now = Place::of_request(pair.component.asked[0].0).call;
    assert!(call_now != call && pair.component.cancelled.contains(&call));
    // What was given is left out when it comes again.
    for text in ["C1", "C2"] {
        pair.component.reply(request(call_now, 2), text, text == "C2");
    }
    pair.component.reply(request(call_now, 0), "A", true);
    pair.component.reply(request(call_now, 3), "D", true);
    pair.exchange();
    let answers: Vec<_> = pair.answers(call).into_iter().map(|(_, text, _)| text).collect();
    assert_eq!(answers, ["B", "C1", "C2", "A", "D"]);
    assert!(!pair.core.close(call, true));
}

#[test]
fn large_payloads_arrive_whole_whatever_is_before_and_behind_them() {
    let large = |byte: &str| byte.repeat(SHARED_FROM);
    let payloads = ["0".to_owned(), large("1"), large("2"), "3".to_owned(), large("4")];
    let asked = |pair: &Pair| pair.component.asked.iter().map(|(_, payload)| payload.clone()).collect::<Vec<_>>();
    let mut pair = Pair::new();
    // Of a stream that is not opened yet, then of one that is; taken out one by one, and several together.
    let (_, mut draft) = pair.ask([&*payloads[0]]);
    for payload in &payloads[1..] {
        pair.ask_more(&mut draft, [&**payload]);
    }
    pair.ask(payloads.iter().map(|payload| &**payload));
    pair.lose();
    pair.reconnect();
    assert_eq!(asked(&pair), [payloads.clone(), payloads.clone()].concat());
    pair.component.restart();
    pair.component.asked.clear();
    pair.reconnect();
    assert_eq!(asked(&pair), [payloads.clone(), payloads].concat());
}

#[test]
fn a_session_that_was_given_up_fails_what_was_asked_in_it() {
    let mut pair = Pair::new();
    let (call, _) = pair.ask(["0", "1"]);
    pair.exchange();
    pair.component.reply(request(call, 0), "A", true);
    pair.exchange();
    pair.component.restart();
    pair.component.gave_up = true;
    pair.reconnect();
    let answers = pair.answers(call);
    assert_eq!(answers, [(0, "A".to_owned(), Last), (1, "error 10".to_owned(), Last)]);
    // It goes on with a new session.
    pair.component.asked.clear();
    let (call, _) = pair.ask(["2"]);
    pair.exchange();
    pair.component.reply(request(call, 0), "C", true);
    pair.exchange();
    assert_eq!((sequences(&pair), pair.answers(call).len()), (vec![0], 1));
}

#[test]
fn a_component_that_breaks_the_rules_gets_a_new_session() {
    for broken in [&b"\xff"[..], &[4, 9, 0, 0, 0, 0, 0, 0, 0], &[3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]]
    {
        let mut pair = Pair::new();
        let (call, _) = pair.ask(["0"]);
        pair.exchange();
        pair.hear(broken.to_vec().into());
        pair.component.asked.clear();
        pair.exchange();
        assert_eq!((sequences(&pair), pair.component.hellos.len()), (vec![0], 2), "{broken:?}");
        pair.component.reply(pair.component.asked[0].0, "A", true);
        pair.exchange();
        assert_eq!(pair.answers(call).len(), 1);
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Ask(u8),
    Answer(u8),
    Exchange,
    Lose,
    Reconnect,
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1..40_u8).prop_map(Event::Ask),
        4 => any::<u8>().prop_map(Event::Answer),
        3 => Just(Event::Exchange),
        1 => Just(Event::Lose),
        1 => Just(Event::Reconnect),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn each_request_has_one_outcome(events in proptest::collection::vec(event(), 1..80)) {
        let mut pair = Pair::new();
        let (call, mut draft) = pair.ask(["0"]);
        let mut asked = 1_u32;
        let mut given = Vec::new();
        // Answers what the component has been asked in this run, in whatever order.
        let answer = |pair: &mut Pair, which: usize| {
            if pair.component.asked.is_empty() {
                return;
            }
            let which = which % pair.component.asked.len();
            let (request, payload) = pair.component.asked.swap_remove(which);
            pair.component.reply(request, std::str::from_utf8(&payload).unwrap(), true);
        };
        let mut lost = false;
        for event in events {
            match event {
                Event::Ask(count) => {
                    let payloads: Vec<_> = (asked..).take(count.into()).map(|number| number.to_string()).collect();
                    pair.ask_more(&mut draft, payloads.iter().map(|payload| &**payload));
                    asked += u32::from(count);
                }
                Event::Answer(which) => answer(&mut pair, which.into()),
                Event::Exchange if !lost => pair.exchange(),
                Event::Exchange => {}
                Event::Lose => {
                    pair.lose();
                    lost = true;
                }
                Event::Restart | Event::Reconnect => {
                    if matches!(event, Event::Restart) {
                        pair.component.restart();
                        pair.component.asked.clear();
                    }
                    pair.reconnect();
                    lost = false;
                }
            }
            given.extend(pair.answers(call));
        }
        pair.reconnect();
        while !pair.component.asked.is_empty() {
            answer(&mut pair, 0);
        }
        pair.exchange();
        given.extend(pair.answers(call));
        let mut outcomes: Vec<u32> = given.iter().map(|(sequence, text, _)| {
            assert_eq!(*text, sequence.to_string());
            *sequence
        }).collect();
        outcomes.sort_unstable();
        prop_assert_eq!(outcomes, (0..asked).collect::<Vec<_>>());
        prop_assert!(!pair.core.close(call, true));
    }
}

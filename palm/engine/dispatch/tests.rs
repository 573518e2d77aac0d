//! The dispatch by itself.

use super::*;
use crate::engine::debt::Debt;

const PART: PartId = PartId(2);

#[test]
fn a_stray_message_says_nothing_of_the_workers() {
    let (mut dispatch, now) = dispatch(0);
    let mut asked = message(None);
    asked.message.set_cache("an identifier");
    dispatch.submit(PART, asked, now);
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    let mut out = hand_out(&mut dispatch, now).remove(0);
    let mut stray = Message::decode(Bytes::new()).expect("an empty message");
    assert_eq!(dispatch.judge(&mut stray, now), Judgement::Result(None, Debt::NONE));
    assert_eq!(dispatch.len(), 1);
    out.message.take_delivery();
    assert_eq!(dispatch.judge(&mut out.message, now), Judgement::Result(None, Debt::NONE));
    assert_eq!(dispatch.len(), 0);
}

fn message(id: Option<[u8; 16]>) -> Envelope {
    let mut message = Message::new("server.foo", "a");
    if let Some(id) = id {
        message.set_id(id);
    }
    message.into()
}

fn dispatch(messages: usize) -> (Dispatch, Instant) {
    let (mut dispatch, now) = (Dispatch::new(7), Instant::now());
    (0..messages).for_each(|_| dispatch.submit(PART, message(None), now));
    (dispatch, now)
}

/// What a worker got.
#[derive(Debug)]
struct Out {
    worker: WorkerId,
    sequence: Sequence,
    message: Message,
}

/// Hands out what can be handed out: who got what.
fn hand_out(dispatch: &mut Dispatch, now: Instant) -> Vec<Out> {
    let mut handed = Vec::new();
    while let Some(HandOut { worker, sequence, delivery, marked }) = dispatch.next(PART, now) {
        let mut message = dispatch.freight(sequence).expect("it is handed out").message().into_owned();
        if marked {
            message.set_delivery(&delivery);
        }
        dispatch.handed(PART, worker, sequence, now);
        handed.push(Out { worker, sequence, message });
    }
    handed
}

#[test]
fn who_gives_results_together_gets_messages_together() {
    let (mut dispatch, now) = dispatch(0);
    (1..=4).for_each(|worker| dispatch.join(PART, WorkerId(worker), Credit::Paced(500), now));
    let header = Message::new("server.foo", "").header().clone();
    let batch = |count: u64| {
        let item = |request| Item { request, payload: "a".into(), origin: None };
        Batch::new(header.clone(), 7, Debt::NONE, (0..count).map(item).collect())
    };
    let mut row = || {
        dispatch.submit_batch(PART, batch(8), now);
        let handed = hand_out(&mut dispatch, now);
        for Out { worker, sequence, .. } in &handed {
            dispatch.item_done(*worker, *sequence, 1, "b".into(), now).expect("a result");
        }
        dispatch.came_together(&batch(handed.iter().filter(|out| out.worker == handed[0].worker).count() as u64));
        handed.chunk_by(|one, next| one.worker == next.worker).map(<[Out]>::len).collect::<Vec<_>>()
    };
    assert_eq!(row(), [1; 8], "nothing is known of them");
    assert_eq!(row(), [2; 4]);
    assert_eq!(row(), [4; 2]);
    assert_eq!(row(), [8]);
    // One result that comes alone is enough: over the link, or from a classic socket, where all do.
    for is_linked in [true, false] {
        dispatch.came_together(&batch(4));
        dispatch.submit_batch(PART, batch(4), now);
        let mut handed = hand_out(&mut dispatch, now);
        assert!(handed.iter().all(|out| out.worker == handed[0].worker), "{is_linked}");
        if is_linked {
            dispatch.came_together(&batch(1));
        } else {
            dispatch.judge(&mut handed[0].message, now);
        }
        dispatch.submit_batch(PART, batch(4), now);
        let workers: std::collections::HashSet<_> = hand_out(&mut dispatch, now).iter().map(|out| out.worker).collect();
        assert_eq!(workers.len(), 4, "{is_linked}");
        [2, 4, 8].into_iter().for_each(|together| dispatch.came_together(&batch(together)));
    }
}

#[test]
fn a_worker_with_threads_owes_what_its_later_results_overtake() {
    let (mut dispatch, now) = dispatch(4);
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    let mut handed = hand_out(&mut dispatch, now);
    handed.reverse();
    for out in &mut handed {
        out.message.set_threads(4);
        assert_eq!(dispatch.judge(&mut out.message, now), Judgement::Result(Some(PART), Debt::NONE));
    }
    assert_eq!(dispatch.len(), 0);
}

#[test]
fn a_dead_workers_messages_are_done_by_another() {
    let (mut dispatch, now) = dispatch(4);
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    let first = hand_out(&mut dispatch, now);
    assert_eq!(first.len(), 4);
    dispatch.join(PART, WorkerId(2), Credit::Paced(500), now);
    assert!(dispatch.leave(PART, WorkerId(1)).is_empty());
    let mut results = 0;
    while dispatch.len() > 0 {
        for mut out in hand_out(&mut dispatch, now) {
            assert_eq!(out.worker, WorkerId(2));
            assert_eq!(out.message.delivery().map(|mark| mark.attempt), Some(2));
            assert_eq!(dispatch.judge(&mut out.message, now), Judgement::Result(Some(PART), Debt::NONE));
            assert!(out.message.delivery().is_none());
            results += 1;
        }
    }
    assert_eq!(results, 4);
    for mut late in first {
        assert_eq!(dispatch.judge(&mut late.message, now), Judgement::Stale);
    }
}

#[test]
fn what_kills_its_workers_is_given_up_and_the_others_are_done() {
    let (mut dispatch, now) = dispatch(5);
    let (mut poison, mut done, mut given_up) = (None, 0, Vec::new());
    for worker in 1..=10 {
        dispatch.join(PART, WorkerId(worker), Credit::Paced(500), now);
        for mut out in hand_out(&mut dispatch, now) {
            // The third message is the one.
            if *poison.get_or_insert(3) == out.sequence {
                given_up.extend(dispatch.leave(PART, WorkerId(worker)));
                break;
            }
            dispatch.judge(&mut out.message, now);
            done += 1;
        }
        if dispatch.len() == 0 {
            break;
        }
    }
    while dispatch.len() > 0 {
        for mut out in hand_out(&mut dispatch, now) {
            dispatch.judge(&mut out.message, now);
            done += 1;
        }
    }
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0].code, Code::Poisoned);
    assert_eq!(done, 4);
}

#[test]
fn without_workers_only_marked_messages_are_given_up() {
    let (mut dispatch, now) = dispatch(1);
    dispatch.submit(PART, message(Some([1; 16])), now);
    assert!(dispatch.overdue(PART, now + Duration::from_secs(29)).is_empty());
    let given_up = dispatch.overdue(PART, now + Duration::from_secs(30));
    assert_eq!(given_up.iter().map(|one| one.code).collect::<Vec<_>>(), [Code::NoWorkers]);
    assert_eq!(dispatch.len(), 1);
    // What stood in the line behind it does not wait as long once more, what comes later does.
    dispatch.submit(PART, message(Some([2; 16])), now + Duration::from_secs(30));
    assert_eq!(dispatch.overdue(PART, now + Duration::from_secs(30)).len(), 1);
    dispatch.submit(PART, message(Some([3; 16])), now + Duration::from_secs(32));
    assert!(dispatch.overdue(PART, now + Duration::from_secs(32)).is_empty());
}

#[test]
fn expected_workers_are_not_waited_for_without_end() {
    let (mut dispatch, now) = dispatch(0);
    dispatch.set_limits(PART, CrewLimits { expected: 2, ..CrewLimits::default() });
    dispatch.submit(PART, message(None), now);
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    assert!(dispatch.overdue(PART, now + Duration::from_secs(29)).is_empty());
    assert!(hand_out(&mut dispatch, now).is_empty());
    assert!(dispatch.overdue(PART, now + Duration::from_secs(30)).is_empty());
    assert_eq!(hand_out(&mut dispatch, now).len(), 1);
}

#[test]
fn a_hanging_method_is_tried_elsewhere_and_its_late_result_is_stale() {
    let (mut dispatch, now) = dispatch(1);
    dispatch.set_limits(PART, CrewLimits { work_timeout: Some(Duration::from_secs(2)), ..CrewLimits::default() });
    dispatch.submit(PART, message(None), now);
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    let mut first = hand_out(&mut dispatch, now);
    dispatch.join(PART, WorkerId(2), Credit::Paced(500), now);
    let later = now + Duration::from_secs(2);
    assert!(dispatch.overdue(PART, later).is_empty());
    let mut second = hand_out(&mut dispatch, later);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].worker, WorkerId(2));
    assert_eq!(dispatch.judge(&mut second[0].message, later), Judgement::Result(Some(PART), Debt::NONE));
    assert_eq!(dispatch.judge(&mut first[0].message, later), Judgement::Stale);
}

#[test]
fn a_message_that_waits_behind_others_of_its_worker_does_not_hang() {
    let (mut dispatch, now) = dispatch(0);
    let limits = CrewLimits { work_timeout: Some(Duration::from_secs(2)), ..CrewLimits::default() };
    dispatch.set_limits(PART, limits);
    (0..8).for_each(|_| dispatch.submit(PART, message(None), now));
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    let mut later = now;
    let mut handed = hand_out(&mut dispatch, now);
    while let Some(mut out) = (!handed.is_empty()).then(|| handed.remove(0)) {
        later += Duration::from_millis(1500);
        assert!(dispatch.overdue(PART, later).is_empty());
        assert!(hand_out(&mut dispatch, later).is_empty(), "nothing is handed out again");
        assert_eq!(dispatch.judge(&mut out.message, later), Judgement::Result(Some(PART), Debt::NONE));
        handed.extend(hand_out(&mut dispatch, later));
    }
    assert_eq!(dispatch.len(), 0);
}

#[test]
fn who_hangs_gets_nothing_until_it_answers() {
    let (mut dispatch, now) = dispatch(0);
    let limits = CrewLimits { work_timeout: Some(Duration::from_secs(2)), ..CrewLimits::default() };
    dispatch.set_limits(PART, limits);
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    dispatch.submit(PART, message(None), now);
    let mut first = hand_out(&mut dispatch, now);
    let later = now + Duration::from_secs(2);
    dispatch.overdue(PART, later);
    dispatch.submit(PART, message(None), later);
    assert!(hand_out(&mut dispatch, later).is_empty());
    dispatch.judge(&mut first[0].message, later);
    assert_eq!(hand_out(&mut dispatch, later).len(), 1);
}

#[test]
fn late_work_is_refused_not_handed_out() {
    let (mut dispatch, now) = dispatch(2);
    let mut hurried = message(Some([1; 16]));
    hurried.message.set_remaining(Duration::from_millis(300));
    hurried.message.arrived(now);
    dispatch.submit(PART, hurried, now);
    dispatch.join(PART, WorkerId(1), Credit::Fixed(2), now);
    assert_eq!(hand_out(&mut dispatch, now).len(), 2);
    dispatch.join(PART, WorkerId(2), Credit::Paced(500), now);
    assert!(hand_out(&mut dispatch, now + Duration::from_millis(300)).is_empty());
    assert_eq!(dispatch.take_late().iter().map(|late| late.code).collect::<Vec<_>>(), [Code::Late]);
    assert_eq!((dispatch.len(), dispatch.take_late().len()), (2, 0));
}

#[test]
fn what_gave_nothing_is_settled_by_the_next_result() {
    let (mut dispatch, now) = dispatch(3);
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    let mut handed = hand_out(&mut dispatch, now);
    assert_eq!(dispatch.judge(&mut handed[1].message, now), Judgement::Result(Some(PART), Debt::NONE));
    assert_eq!((dispatch.len(), dispatch.held()), (1, 1));
    let mut nothing = handed[2].message.empty_part();
    assert_eq!(dispatch.judge(&mut nothing, now), Judgement::Nothing(PART, Debt::NONE));
    assert_eq!(dispatch.len(), 0);
}

#[test]
fn workers_that_bring_no_mark_back_are_served_all_the_same() {
    let (mut dispatch, now) = dispatch(40);
    dispatch.join(PART, WorkerId(1), Credit::Paced(500), now);
    let mut handed = hand_out(&mut dispatch, now);
    handed[0].message.take_delivery();
    assert_eq!(dispatch.judge(&mut handed[0].message.clone(), now), Judgement::Result(None, Debt::NONE));
    let rest = hand_out(&mut dispatch, now);
    assert_eq!(handed.len() + rest.len(), 40);
    assert!(rest.iter().all(|out| out.message.delivery().is_none()));
    assert_eq!(dispatch.len(), 0);
}

//! The crew by itself.

use super::*;

fn crew(workers: usize) -> (Crew, Instant) {
    let (mut crew, now) = (Crew::default(), Instant::now());
    (0..workers).for_each(|id| crew.join(WorkerId(id), Credit::Paced(500), now));
    (crew, now)
}

fn hand_out(crew: &mut Crew, now: Instant) -> Vec<(usize, Sequence)> {
    let mut handed = Vec::new();
    while let Some((id, sequence)) = crew.next() {
        crew.handed(id, sequence, ROW, now);
        handed.push((id.0, sequence));
    }
    handed
}

#[test]
fn work_goes_round_and_stops_at_the_credit() {
    let (mut crew, now) = crew(2);
    (0..100).for_each(|sequence| crew.offer(sequence, 10));
    let handed = hand_out(&mut crew, now);
    assert_eq!(&handed[..4], &[(0, 0), (1, 1), (0, 2), (1, 3)]);
    assert_eq!(handed.len(), 2 * FIRST_WINDOW);
    assert_eq!(crew.waiting(), (100 - 2 * FIRST_WINDOW, 10 * (100 - 2 * FIRST_WINDOW)));
}

#[test]
fn a_row_goes_to_one_worker() {
    let (mut crew, now) = crew(2);
    (0..20).for_each(|sequence| crew.offer(sequence, 10));
    let mut handed = Vec::new();
    // Each of the first ones is a fourth of a row, the others are one each.
    while let Some((id, sequence)) = crew.next() {
        crew.handed(id, sequence, if sequence < 10 { ROW / 4 } else { ROW }, now);
        handed.push(id.0);
    }
    assert_eq!(handed[..14], [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
}

#[test]
fn a_slow_worker_holds_nobody_up() {
    let (mut crew, now) = crew(2);
    (0..64).for_each(|sequence| crew.offer(sequence, 0));
    let mut handed = hand_out(&mut crew, now);
    while handed.iter().any(|(worker, _)| *worker == 1) {
        for _ in handed.iter().filter(|(worker, _)| *worker == 1) {
            crew.settled(WorkerId(1), 0, 0, now);
        }
        handed = hand_out(&mut crew, now);
        assert!(handed.iter().all(|(worker, _)| *worker == 1));
    }
    assert_eq!(crew.waiting().0, 0);
}

#[test]
fn the_credit_follows_the_pace() {
    let (mut crew, now) = crew(1);
    (0..1000).for_each(|sequence| crew.offer(sequence, 0));
    hand_out(&mut crew, now);
    for number in 1..=10_u32 {
        crew.settled(WorkerId(0), 0, 0, now + Duration::from_millis(25) * number);
    }
    assert_eq!(crew.workers[&WorkerId(0)].window, 2, "50 ms of work at 25 ms a message");
    for number in 1..=100_u32 {
        crew.settled(WorkerId(0), 0, 0, now + Duration::from_millis(250) + Duration::from_micros(1) * number);
    }
    assert_eq!(crew.workers[&WorkerId(0)].window, 500);
}

#[test]
fn results_that_come_together_have_taken_the_time_before_them() {
    let (mut crew, now) = crew(1);
    (0..1000).for_each(|sequence| crew.offer(sequence, 0));
    hand_out(&mut crew, now);
    for burst in 1..=20_u32 {
        (0..10).for_each(|_| crew.settled(WorkerId(0), 0, 0, now + Duration::from_millis(10) * burst));
        hand_out(&mut crew, now + Duration::from_millis(10) * burst);
    }
    assert_eq!(crew.workers[&WorkerId(0)].window, 50, "50 ms of work at 1 ms a message");
}

#[test]
fn a_worker_with_threads_has_something_for_each_of_them() {
    let (mut crew, mut now) = crew(0);
    crew.join(WorkerId(0), Credit::Shared { threads: 20, most: 500 }, now);
    // One on the link may be there before the bounds are known.
    crew.set_limits(CrewLimits::default());
    (0..100).for_each(|sequence| crew.offer(sequence, 0));
    assert_eq!(hand_out(&mut crew, now).len(), 20);
    for _ in 0..20 {
        now += Duration::from_secs(1);
        crew.settled(WorkerId(0), 0, 0, now);
    }
    assert_eq!(hand_out(&mut crew, now).len(), 20, "however slow it is");
}

#[test]
fn one_large_message_passes_alone() {
    let (mut crew, now) = crew(1);
    crew.offer(1, 64 << 20);
    crew.offer(2, 1);
    assert_eq!(hand_out(&mut crew, now), [(0, 1)]);
    crew.settled(WorkerId(0), 0, 64 << 20, now);
    assert_eq!(hand_out(&mut crew, now), [(0, 2)]);
}

#[test]
fn a_suspect_has_a_worker_to_itself() {
    let (mut crew, now) = crew(2);
    (0..4).for_each(|sequence| crew.offer(sequence, 0));
    assert_eq!(hand_out(&mut crew, now).len(), 4);
    crew.leave(WorkerId(0));
    crew.offer_again(0, 0);
    crew.offer_again(2, 0);
    crew.offer(9, 0);
    assert_eq!(hand_out(&mut crew, now), [], "worker 1 is kept free for the suspects");
    crew.settled(WorkerId(1), 0, 0, now);
    crew.settled(WorkerId(1), 0, 0, now);
    assert_eq!(hand_out(&mut crew, now), [(1, 0)]);
    crew.settled(WorkerId(1), 0, 0, now);
    assert_eq!(hand_out(&mut crew, now), [(1, 2)]);
    crew.settled(WorkerId(1), 0, 0, now);
    assert_eq!(hand_out(&mut crew, now), [(1, 9)]);
}

#[test]
fn who_is_kept_free_in_vain_works_again() {
    let (mut crew, now) = crew(3);
    (0..6).for_each(|sequence| crew.offer(sequence, 0));
    assert_eq!(hand_out(&mut crew, now).len(), 6);
    crew.leave(WorkerId(2));
    crew.offer_again(2, 0);
    assert_eq!(hand_out(&mut crew, now), [], "worker 0 is kept free");
    (0..2).for_each(|_| crew.settled(WorkerId(1), 0, 0, now));
    assert_eq!(hand_out(&mut crew, now), [(1, 2)], "but worker 1 is free before it");
    (0..2).for_each(|_| crew.settled(WorkerId(0), 0, 0, now));
    crew.offer(9, 0);
    assert_eq!(hand_out(&mut crew, now), [(0, 9)]);
}

#[test]
fn nothing_is_handed_out_before_the_expected_workers_were_there() {
    let now = Instant::now();
    let mut crew = Crew { limits: CrewLimits { expected: 3, ..CrewLimits::default() }, ..Crew::default() };
    (0..6).for_each(|sequence| crew.offer(sequence, 0));
    crew.join(WorkerId(1), Credit::Paced(500), now);
    crew.join(WorkerId(2), Credit::Paced(500), now);
    assert_eq!(hand_out(&mut crew, now), []);
    crew.leave(WorkerId(2));
    crew.join(WorkerId(2), Credit::Paced(500), now);
    assert_eq!(hand_out(&mut crew, now), [], "a worker that came back is no third one");
    crew.join(WorkerId(0), Credit::Fixed(crew.limits.messages), now);
    let mut workers: Vec<_> = hand_out(&mut crew, now).iter().map(|(worker, _)| *worker).collect();
    workers.sort_unstable();
    assert_eq!(workers, [0, 0, 1, 1, 2, 2]);
    crew.leave(WorkerId(1));
    crew.leave(WorkerId(2));
    crew.offer(9, 0);
    assert_eq!(hand_out(&mut crew, now), [(0, 9)], "later it works with those that are left");
}

#[test]
fn what_is_known_of_a_worker_does_not_grow_with_what_it_has_done() {
    let (mut crew, now) = crew(2);
    let mut held = VecDeque::new();
    for sequence in 0..10_000 {
        crew.offer(sequence, 1);
        let (id, sequence) = crew.next().expect("room");
        crew.handed(id, sequence, ROW, now);
        held.push_back((id, sequence));
        if held.len() > 4 {
            let (id, sequence) = held.pop_front().expect("more than four");
            crew.settled(id, sequence, 1, now);
        }
    }
    let known: usize = crew.workers.values().map(|worker| worker.order.len()).sum();
    assert_eq!(known, held.len());
}

#[test]
fn what_is_withdrawn_is_not_handed_out() {
    let (mut crew, now) = crew(0);
    crew.offer(1, 5);
    crew.offer(2, 5);
    crew.withdraw(1);
    assert_eq!(crew.waiting(), (1, 5));
    crew.join(WorkerId(7), Credit::Fixed(1), now);
    assert_eq!(hand_out(&mut crew, now), [(7, 2)]);
}

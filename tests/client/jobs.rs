use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use palm::Error;

use crate::fake::{answering, echo};

/// Counts the items that are taken from it.
fn counted(count: &Arc<AtomicUsize>) -> impl Iterator<Item = String> + Send + 'static {
    let count = count.clone();
    std::iter::repeat_with(move || count.fetch_add(1, Ordering::SeqCst).to_string())
}

#[test]
fn every_message_of_a_job_is_answered() {
    let fake = echo().start();
    let client = fake.client();
    let source = (0..50_000).map(|number: i32| number.to_string());
    let start = Instant::now();
    let replies: HashSet<Vec<u8>> =
        client.job("server.echo", source).messages(50_000).map(|reply| reply.unwrap().into()).collect();
    eprintln!("50,000 messages in {:?}", start.elapsed());
    assert_eq!(replies.len(), 50_000);
}

#[test]
fn several_jobs_and_calls_share_a_client() {
    let fake = echo().start();
    let client = fake.client();
    thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let job = client.job("server.echo", std::iter::repeat_n(name, 5000)).messages(5000);
            scope.spawn(move || assert!(job.map(Result::unwrap).all(|reply| reply == name)));
        }
        for _ in 0..100 {
            assert_eq!(client.eval("server.echo", "call").unwrap(), "call");
        }
    });
    for reply in client.job("server.echo", ["1", "2", "3"]).messages(3) {
        let reply = reply.unwrap();
        assert_eq!(client.eval("server.echo", &reply).unwrap(), reply);
    }
}

#[test]
fn nothing_is_taken_from_the_source_before_a_result_is_asked_for() {
    let fake = echo().start();
    let count = Arc::new(AtomicUsize::new(0));
    let client = fake.client();
    let mut job = client.job("server.echo", counted(&count)).messages(3);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    assert_eq!(job.next().unwrap().unwrap(), "0");
    assert!(client.job("server.echo", counted(&count)).messages(0).next().is_none());
}

#[test]
fn a_fast_source_does_not_run_away() {
    let fake = echo().start();
    let count = Arc::new(AtomicUsize::new(0));
    let client = fake.client();
    let mut job = client.job("server.echo", counted(&count));
    job.next().unwrap().unwrap();
    thread::sleep(Duration::from_millis(700));
    // One is answered; half of the others are to be before the next is sent.
    assert!((8192..=8193).contains(&count.load(Ordering::SeqCst)), "{count:?}");
    assert_eq!(job.by_ref().take(20_000).filter(Result::is_ok).count(), 20_000);
    assert!(count.load(Ordering::SeqCst) <= 20_001 + 8192);
}

#[test]
fn large_messages_fill_the_window_sooner() {
    let fake = echo().start();
    let count = Arc::new(AtomicUsize::new(0));
    let client = fake.client();
    let mut job = client.job("server.echo", counted(&count).map(|_| vec![0; 1 << 20]));
    job.next().unwrap().unwrap();
    let start = Instant::now();
    while count.load(Ordering::SeqCst) < 16 && start.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(100));
    assert!((16..=17).contains(&count.load(Ordering::SeqCst)), "{count:?}");
}

#[test]
fn a_source_may_wait_for_the_results() {
    let fake = echo().start();
    let client = fake.client();
    let (sender, source) = mpsc::channel();
    sender.send(0_u8).unwrap();
    for reply in client.job("server.echo", source.into_iter().map(|number| [number])).messages(100) {
        sender.send(reply.unwrap()[0] + 1).unwrap();
    }
}

#[test]
fn time_in_the_source_is_no_silence() {
    let fake = echo().start();
    let client = fake.builder().timeout(Duration::from_secs(1)).connect().unwrap();
    let source = (0..3).map(|_| {
        thread::sleep(Duration::from_millis(1_100));
        "x"
    });
    assert_eq!(client.job("server.echo", source).messages(3).filter(Result::is_ok).count(), 3);
}

#[test]
fn without_a_count_silence_ends_a_job() {
    let fake = echo().start();
    let client = fake.client();
    let mut job = client.job("server.echo", ["a", "b"]).timeout(Duration::from_millis(200));
    assert!(job.next().unwrap().is_ok() && job.next().unwrap().is_ok());
    let start = Instant::now();
    assert!(matches!(job.next(), Some(Err(Error::TimedOut { .. }))));
    assert!((200..600).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert!(job.next().is_none());
}

#[test]
fn an_empty_source_ends_a_job_at_once() {
    let fake = echo().start();
    let client = fake.client();
    let start = Instant::now();
    assert!(client.job("server.echo", [""; 0]).next().is_none());
    assert!(client.job("server.echo", [""; 0]).messages(3).next().is_none());
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
}

#[test]
fn many_messages_may_come_to_one_result() {
    let mut count = 0;
    let fake = answering(move |message, out| {
        count += 1;
        if count == 20_000 {
            out.push(message);
        }
    });
    let fake = fake.start();
    let client = fake.client();
    let replies: Vec<_> = client.job("server.sum", vec!["x"; 20_000]).messages(1).collect();
    assert!(matches!(&replies[..], [Ok(_)]), "{replies:?}");
}

#[test]
fn one_message_may_come_to_many_results() {
    let fake = answering(|message, out| out.extend(std::iter::repeat_n(message, 3))).start();
    let client = fake.client();
    let job = client.job("server.scatter", std::iter::repeat_n("x", 10_000)).messages(30_000);
    assert_eq!(job.filter(Result::is_ok).count(), 30_000);
}

#[test]
fn dropping_a_job_stops_it() {
    let fake = echo().start();
    let count = Arc::new(AtomicUsize::new(0));
    let client = fake.client();
    let mut job = client.job("server.echo", counted(&count));
    job.next().unwrap().unwrap();
    drop(job);
    thread::sleep(Duration::from_millis(50));
    let taken = count.load(Ordering::SeqCst);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(count.load(Ordering::SeqCst), taken);
    assert_eq!(Arc::strong_count(&count), 1, "the source is gone");
    assert_eq!(client.eval("server.echo", "after").unwrap(), "after");
}

#[test]
fn a_job_outlives_its_client() {
    let fake = echo().start();
    let job = fake.client().job("server.echo", ["a", "b"]).messages(2);
    assert_eq!(job.filter(Result::is_ok).count(), 2);
}

#[test]
#[should_panic(expected = "the source is broken")]
fn a_panic_of_the_source_is_the_jobs() {
    let fake = echo().start();
    let client = fake.client();
    let source = (0..3).map(|number: u8| {
        assert!(number < 2, "the source is broken");
        [number]
    });
    for reply in client.job("server.echo", source) {
        reply.unwrap();
    }
}

#[test]
fn the_cache_field_is_set_on_request() {
    let fake = echo().start();
    let client = fake.client();
    client.job("server.echo", ["x"]).messages(1).cache("key").for_each(|reply| assert!(reply.is_ok()));
    assert_eq!(fake.seen.messages.lock().unwrap()[0].cache(), "key");
}

//! Jobs whose results are put back into the order of their messages.

use std::time::Duration;

use palm::{Error, Message};

use crate::fake::answering;

/// Holds some messages, and answers them in another order.
fn shuffling() -> crate::fake::Setup {
    let mut held: Vec<Message> = Vec::new();
    let mut count = 0;
    answering(move |message, out| {
        held.push(message);
        count += 1;
        if held.len() == 7 || count == 5000 {
            let shift = 3 % held.len();
            held.rotate_left(shift);
            out.extend(held.drain(..).rev());
        }
    })
}

#[test]
fn results_come_in_the_order_of_the_messages() {
    let fake = shuffling().start();
    let client = fake.client();
    let source = (0..5000).map(|number: i32| number.to_string());
    let job = client.job("server.foo", source).messages(5000).ordered();
    let replies: Vec<_> = job.map(Result::unwrap).collect();
    assert_eq!(replies.len(), 5000);
    assert!(replies.iter().zip(0..).all(|(reply, number): (_, i32)| *reply == number.to_string()));
}

#[test]
fn an_error_keeps_its_place() {
    let mut first: Option<Message> = None;
    let fake = answering(move |mut message, out| match first.take() {
        None => first = Some(message),
        Some(mut failed) => {
            failed.set_error(&palm::wire::RemoteError { code: 1, text: "no".into(), ..Default::default() });
            message.set_payload("fine");
            out.extend([message, failed]);
        }
    });
    let fake = fake.start();
    let client = fake.client();
    let results: Vec<_> = client.job("server.foo", ["a", "b"]).messages(2).ordered().collect();
    assert!(matches!(&results[..], [Err(Error::Remote { .. }), Ok(reply)] if *reply == "fine"), "{results:?}");
}

#[test]
fn several_results_of_a_message_are_all_given() {
    let mut held: Vec<Message> = Vec::new();
    let fake = answering(move |message, out| {
        held.push(message);
        if held.len() == 2 {
            let second = held.pop().unwrap();
            out.extend(std::iter::repeat_n(second, 3));
            out.extend(std::iter::repeat_n(held.pop().unwrap(), 3));
        }
    });
    let fake = fake.start();
    let client = fake.client();
    let replies: Vec<_> = client.job("server.foo", ["a", "b"]).messages(6).ordered().map(Result::unwrap).collect();
    assert_eq!(replies, ["a", "b", "b", "b", "a", "a"]);
}

#[test]
fn a_message_without_a_result_is_passed_over_after_the_time_out() {
    let fake = answering(|message, out| {
        if message.payload() != "nothing" {
            out.push(message);
        }
    });
    let fake = fake.start();
    let client = fake.client();
    let job = client.job("server.foo", ["a", "nothing", "b"]).messages(3).ordered();
    let results: Vec<_> = job.timeout(Duration::from_millis(200)).collect();
    assert!(matches!(&results[..], [Ok(_), Ok(b), Err(Error::TimedOut { .. })] if *b == "b"), "{results:?}");
    let job = client.job("server.foo", ["nothing", "b"]).ordered().deadline(Duration::from_millis(200));
    let results: Vec<_> = job.collect();
    assert!(matches!(&results[..], [Ok(b), Err(Error::TimedOut { .. })] if *b == "b"), "{results:?}");
    let job = client.job_stream("server.foo", futures::stream::iter(["nothing", "b"])).ordered();
    let job = job.deadline(Duration::from_millis(200));
    let results: Vec<_> = futures::executor::block_on(futures::StreamExt::collect(job));
    assert!(matches!(&results[..], [Ok(b), Err(Error::TimedOut { .. })] if *b == "b"), "{results:?}");
}

#[test]
fn what_is_kept_is_bounded() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let fake = answering(|message, out| {
        if message.payload() != "0" {
            out.push(message);
        }
    });
    let fake = fake.start();
    let client = fake.client();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let source = std::iter::repeat_with(move || counted.fetch_add(1, Ordering::SeqCst).to_string());
    let mut job = client.job("server.foo", source).ordered().timeout(Duration::from_millis(900));
    assert_eq!(job.next().unwrap().unwrap(), "1");
    assert_eq!(count.load(Ordering::SeqCst), 8192);
}

#[test]
fn without_identifiers_results_come_as_they_arrive() {
    let fake = answering(|message, out| {
        let mut plain = Message::new(message.function(), message.payload().clone());
        plain.set_client(message.client());
        out.push(plain);
    });
    let fake = fake.start();
    let client = fake.client();
    let replies: Vec<_> = client.job("server.foo", ["a", "b"]).messages(2).ordered().map(Result::unwrap).collect();
    assert_eq!(replies, ["a", "b"]);
}

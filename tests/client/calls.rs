use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use palm::wire::{Code, RemoteError};
use palm::{Bytes, Client, Error, Message};

use crate::fake::{answering, echo};

#[test]
fn each_message_has_an_identifier_of_its_own() {
    let fake = echo().start();
    let client = fake.client();
    for _ in 0..5 {
        client.eval("server.echo", "").unwrap();
    }
    for reply in client.job("server.echo", ["a", "b"]).messages(2) {
        reply.unwrap();
    }
    let messages = fake.seen.messages.lock().unwrap();
    let ids: HashSet<Vec<u8>> = messages.iter().map(|message| message.id().unwrap().to_vec()).collect();
    assert_eq!(ids.len(), 7);
    assert!(ids.iter().all(|id| id.len() == 16));
}

#[test]
fn every_kind_of_payload_and_of_functions_can_be_sent() {
    let fake = echo().start();
    let client = fake.client();
    let borrowed = String::from("a message");
    assert_eq!(client.eval("server.echo", b"a message").unwrap(), "a message");
    assert_eq!(client.eval("server.echo", &*borrowed).unwrap(), "a message");
    assert_eq!(client.eval(&borrowed, &borrowed).unwrap(), "a message");
    assert_eq!(client.eval(["a.b", "c.d"], borrowed.as_bytes()).unwrap(), "a message");
    assert_eq!(client.eval(vec![borrowed.clone()], borrowed.clone()).unwrap(), "a message");
    assert_eq!(client.eval(&["a.b".to_owned()][..], Bytes::from(borrowed)).unwrap(), "a message");
    let large = vec![7; 3 << 20];
    assert_eq!(client.eval("server.echo", &large).unwrap(), large);
    assert_eq!(fake.seen.messages.lock().unwrap()[3].function(), "a.b c.d");
}

#[test]
fn one_message_may_have_several_results() {
    let fake = answering(|message, out| out.extend(std::iter::repeat_n(message, 3))).start();
    let client = fake.client();
    assert_eq!(client.eval_all("server.foo", "x", 3).unwrap(), ["x", "x", "x"]);
    assert_eq!(client.eval("server.foo", "first").unwrap(), "first");
    assert_eq!(client.eval("server.foo", "second").unwrap(), "second");
}

#[test]
fn threads_that_share_a_client_get_their_own_answers() {
    // Answers come late and in another order than the questions.
    let mut held = Vec::new();
    let fake = answering(move |message, out| {
        held.push(message);
        if held.len() == 4 {
            out.extend(held.drain(..).rev());
        }
    });
    let fake = fake.start();
    let client = fake.client();
    thread::scope(|scope| {
        for number in 0..4 {
            let client = &client;
            scope.spawn(move || {
                for call in 0..300 {
                    let message = format!("{number}: {call}");
                    assert_eq!(client.eval("server.foo", &message).unwrap(), message);
                }
            });
        }
    });
}

#[test]
fn clones_are_one_client_and_it_moves_between_threads() {
    let fake = echo().start();
    let client = fake.client();
    let clone = client.clone();
    let id = thread::spawn(move || {
        clone.eval("server.echo", "there").unwrap();
        clone.id().to_owned()
    });
    client.eval("server.echo", "here").unwrap();
    assert_eq!(id.join().unwrap(), client.id());
}

#[test]
fn answers_without_identifier_are_taken_for_the_oldest_call() {
    let fake = answering(|message, out| {
        let mut plain = Message::new(message.function(), message.payload().clone());
        plain.set_client(message.client());
        out.push(plain);
    });
    let fake = fake.start();
    let client = fake.client();
    for message in ["a", "b", "c"] {
        assert_eq!(client.eval("server.foo", message).unwrap(), message);
    }
    let replies: Vec<_> = client.job("server.foo", vec!["x"; 20_000]).messages(20_000).map(Result::unwrap).collect();
    assert_eq!(replies.len(), 20_000);
}

#[test]
fn answers_that_nobody_waits_for_are_dropped() {
    let mut earlier: Option<Message> = None;
    let fake = answering(move |message, out| {
        out.extend(earlier.replace(message.clone()));
        out.push(message.with_payload("answer"));
    });
    let fake = fake.start();
    let client = fake.client();
    for _ in 0..10 {
        assert_eq!(client.eval("server.foo", "stale").unwrap(), "answer");
    }
}

#[test]
fn a_failure_at_a_component_is_an_error() {
    let fake = answering(|mut message, out| {
        message.set_error(&RemoteError {
            code: 3,
            text: "no such method".into(),
            component: "server".into(),
            method: "foo".into(),
            retryable: false,
        });
        out.push(message);
    });
    let fake = fake.start();
    let client = fake.client();
    let error = client.eval("server.foo", "x").unwrap_err();
    assert!(matches!(error, Error::Remote { code: Code::UnknownMethod, .. }), "{error}");
    assert_eq!(error.to_string(), "server.foo failed (unknown method): no such method");
    let results: Vec<_> = client.job("server.foo", ["a", "b"]).messages(2).collect();
    assert!(matches!(&results[..], [Err(Error::Remote { .. }), Err(Error::Remote { .. })]), "{results:?}");
}

#[test]
fn silence_is_a_time_out_and_the_late_answer_is_not_the_next_ones() {
    let mut held = None;
    let fake = answering(move |message, out| match held.take() {
        None => held = Some(message),
        Some(first) => out.extend([first, message]),
    });
    let fake = fake.start();
    let client = fake.builder().timeout(Duration::from_millis(200)).connect().unwrap();
    let start = Instant::now();
    let error = client.eval("server.foo", "first").unwrap_err();
    assert!((200..600).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    let Error::TimedOut { server, function, address, .. } = error else { panic!("{error}") };
    assert_eq!((&*server, &*function, &address), ("server", "server.foo", &fake.db_address));
    assert_eq!(client.eval("server.foo", "second").unwrap(), "second");
}

#[test]
fn followers_time_out_while_another_leads() {
    let fake = answering(|message, out| {
        if message.payload() == "answer" {
            out.push(message);
        }
    });
    let fake = fake.start();
    let client = fake.builder().timeout(Duration::from_millis(300)).connect().unwrap();
    thread::scope(|scope| {
        for delay in [0, 100, 200] {
            let client = &client;
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(delay));
                let start = Instant::now();
                assert!(client.eval("server.foo", "none").is_err());
                assert!((300..700).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
            });
        }
        for _ in 0..100 {
            assert_eq!(client.eval("server.foo", "answer").unwrap(), "answer");
        }
    });
}

#[test]
fn a_server_that_takes_nothing_holds_up_nobody_for_ever() {
    let fake = echo().start();
    let client: Client = fake.builder().timeout(Duration::from_millis(500)).connect().unwrap();
    fake.seen.paused.store(true, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(50));
    let mut job = client.job("server.echo", std::iter::repeat_with(|| vec![0; 20_000]));
    assert!(matches!(job.next(), Some(Err(Error::TimedOut { .. }))));
    assert!(job.next().is_none());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let start = Instant::now();
                assert!(matches!(client.eval("server.echo", "x"), Err(Error::TimedOut { .. })));
                assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
            });
        }
    });
    fake.seen.paused.store(false, Ordering::Relaxed);
    let client = fake.client();
    assert_eq!(client.eval("server.echo", "x").unwrap(), "x");
}

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use palm::{Client, Error};

use crate::fake::echo;

/// An address where nobody listens, and nobody will.
fn nowhere() -> String {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp://{}", taken.local_addr().unwrap())
}

#[test]
fn another_name_is_an_error_that_tells_both() {
    let fake = echo().name("other").start();
    let error = fake.builder().connect().unwrap_err();
    let Error::WrongName { server, found, address } = error else { panic!("{error}") };
    assert_eq!((&*server, &*found, &address), ("server", "other", &fake.db_address));
}

#[test]
fn nobody_there_is_told_in_time() {
    let address = nowhere();
    let start = Instant::now();
    let builder = Client::builder("server", &*address).connect_timeout(Duration::from_millis(200));
    let error = builder.connect().unwrap_err();
    assert!(matches!(&error, Error::NotReached { address: found, .. } if *found == address), "{error}");
    assert!((200..1000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[test]
fn a_publisher_that_cannot_be_reached_is_told() {
    let fake = echo().start();
    let address = nowhere();
    let builder = fake.builder().sub_address(&*address).connect_timeout(Duration::from_millis(300));
    let error = builder.connect().unwrap_err();
    assert!(matches!(&error, Error::NotReached { address: found, .. } if *found == address), "{error}");
}

#[test]
fn a_word_that_is_no_address_is_told() {
    let error = Client::connect("server", "nonsense").unwrap_err();
    assert!(matches!(&error, Error::Address { address, .. } if address == "nonsense"), "{error}");
}

#[test]
fn a_component_that_nobody_sends_to_is_told() {
    let fake = echo().without_pull_address().start();
    let error = fake.builder().connect().unwrap_err();
    assert!(error.to_string().contains("no `pull_address`"), "{error}");
}

#[test]
fn a_connected_client_misses_no_answer() {
    let fake = echo().start();
    for _ in 0..20 {
        assert_eq!(fake.client().eval("server.echo", b"a message").unwrap(), b"a message");
    }
}

#[test]
fn the_publishers_confirmation_is_waited_for() {
    let fake = echo().link_after(Duration::from_millis(200)).start();
    let start = Instant::now();
    let client = fake.client();
    assert!((200..450).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    let topics = fake.seen.topics.lock().unwrap().clone();
    assert_eq!(topics, [client.id().as_bytes(), b"_palm.link"]);
}

#[test]
fn a_silent_publisher_is_taken_for_a_classic_one() {
    let fake = echo().classic().start();
    let start = Instant::now();
    let client = fake.client();
    assert!((500..900).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert_eq!(client.eval("server.echo", b"a message").unwrap(), b"a message");
}

#[test]
fn a_configuration_that_is_given_is_not_fetched() {
    let fake = echo().start();
    let config = [("name", "server".to_owned()), ("pull_address", fake.pull_address.clone())];
    let config = config.into_iter().chain([("pub_address", fake.pub_address.clone())]);
    let client = fake.builder().this_config(config).connect().unwrap();
    assert_eq!(client.eval("server.echo", "a message").unwrap(), "a message");
    assert_eq!(fake.seen.cache_requests.load(Ordering::Relaxed), 0);
    let error = fake.builder().this_config([("name", "other")]).connect().unwrap_err();
    assert!(matches!(error, Error::WrongName { .. }));
}

#[test]
fn addresses_that_are_given_come_first() {
    let (first, last) = (echo().start(), echo().start());
    let client = first.builder().push_address(&*last.pull_address).sub_address(&*last.pub_address).connect().unwrap();
    assert_eq!(client.eval("server.echo", "a message").unwrap(), "a message");
    assert!(first.seen.messages.lock().unwrap().is_empty());
}

#[test]
fn the_session_marks_the_messages() {
    let fake = echo().start();
    let client = fake.builder().session("today").client_id("me").connect().unwrap();
    client.eval("server.echo", "").unwrap();
    let messages = fake.seen.messages.lock().unwrap();
    assert_eq!((messages[0].pipeline(), messages[0].client()), ("today", "me"));
}

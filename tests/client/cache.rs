use palm::Error;

use crate::fake::echo;

#[test]
fn values_go_to_the_server_and_come_back() {
    let fake = echo().start();
    let client = fake.client();
    assert_eq!(client.set(b" cached data ", "cached").unwrap(), "cached");
    assert_eq!(client.get("cached").unwrap().as_deref(), Some(&b" cached data "[..]));
    assert!(client.delete("cached").unwrap());
    assert!(!client.delete("cached").unwrap());
    assert_eq!(client.get("cached").unwrap(), None);
    let key = client.set_value("a value").unwrap();
    assert_eq!(client.get(&key).unwrap().as_deref(), Some(&b"a value"[..]));
}

#[test]
fn a_session_stands_before_the_keys_that_are_set() {
    let fake = echo().start();
    let client = fake.builder().session("today/").connect().unwrap();
    assert_eq!(client.set("a value", "key").unwrap(), "today/key");
    assert_eq!(client.get("key").unwrap(), None);
    assert_eq!(client.get("today/key").unwrap().as_deref(), Some(&b"a value"[..]));
    assert!(client.set_value("a value").unwrap().starts_with("today/"));
}

#[test]
fn a_refused_value_is_an_error() {
    let fake = echo().start();
    let error = fake.client().set("mine", "name").unwrap_err();
    assert!(matches!(&error, Error::Cache { key, .. } if key == "name"), "{error}");
}

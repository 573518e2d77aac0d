//! The attribute macros: what is exposed, how it is called, what it gives.

use palm::service::{Call, Component, Failure, Kind, Messages, Replies, Service};
use palm::{Bytes, Message, Topic};

/// Runs a method and gives what it pushed; `None` stands for nothing.
fn run(service: &mut dyn Service, method: &str, payload: &'static [u8]) -> Result<Vec<Option<Bytes>>, Failure> {
    let (component, message) = (Component::new("worker1"), Message::new("server.foo", payload));
    let number = service.resolve(method).unwrap();
    let mut answers = Vec::new();
    let mut sink = |answer| answers.push(answer);
    service.call(number, &Call::new(&message, &component), &mut Replies::new(&mut sink))?;
    Ok(answers)
}

#[track_caller]
fn assert_answers(service: &mut dyn Service, method: &str, payload: &'static [u8], wanted: &[&'static [u8]]) {
    let wanted: Vec<_> = wanted.iter().map(|bytes| Some(Bytes::from_static(bytes))).collect();
    assert_eq!(run(service, method, payload).unwrap(), wanted);
}

#[derive(Default)]
struct MyServer {
    counter: usize,
}

/// Shows every shape of a method.
#[palm::server]
impl MyServer {
    const GREETING: &str = "hello ";

    /// Answers with what it got.
    ///
    /// As it got it.
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"you sent me ", message].concat()
    }

    fn greet(&self, name: &str) -> String {
        Self::GREETING.to_owned() + name
    }

    fn count(&mut self) -> String {
        self.counter += 1;
        self.counter.to_string()
    }

    fn whoami(&self, _message: Bytes, call: &Call) -> String {
        call.name().to_owned()
    }

    fn payload_of_the_call(&self, call: &Call<'_>, length: &[u8]) -> Vec<u8> {
        assert_eq!(call.payload(), length);
        call.payload().to_vec()
    }

    fn borrows<'a>(&'a self, message: &'a str, _call: &Call<'a>) -> &'a str {
        message
    }

    fn quiet(&mut self) {}

    fn words(&mut self, text: &str) -> impl Iterator<Item = String> {
        text.split(' ').map(|word| {
            self.counter += 1;
            format!("{} {word}", self.counter)
        })
    }

    fn fails(&mut self, text: String) -> Result<Vec<u8>, String> {
        Err(text)
    }

    fn r#type(&self) -> &'static str {
        "a raw name"
    }

    #[palm(name = "renamed-on-the-wire")]
    fn renamed(&self) -> &'static [u8] {
        b"renamed"
    }

    #[palm(skip)]
    #[expect(dead_code, reason = "nobody can call it")]
    fn hidden(self) -> Self {
        self
    }

    #[deprecated = "it is old"]
    fn old(&self) -> &'static str {
        "old"
    }

    #[cfg(any())]
    fn gone(&self, missing: NoSuchType) -> NoSuchType {
        missing
    }

    #[cfg(test)]
    fn there(&self) -> &'static str {
        "there"
    }

    #[cfg(any())]
    #[palm(name = "either")]
    fn one_way(&self) -> NoSuchType {}

    #[cfg(test)]
    #[palm(name = "either")]
    fn other_way(&self) -> &'static str {
        "other"
    }
}

#[test]
fn methods_are_called_by_name() {
    let mut server = MyServer::default();
    assert_answers(&mut server, "foo", b"a message", &[b"you sent me a message"]);
    assert_answers(&mut server, "greet", b"you", &[b"hello you"]);
    assert_answers(&mut server, "count", b"", &[b"1"]);
    assert_answers(&mut server, "count", b"", &[b"2"]);
    assert_answers(&mut server, "whoami", b"", &[b"worker1"]);
    assert_answers(&mut server, "payload_of_the_call", b"xyz", &[b"xyz"]);
    assert_answers(&mut server, "borrows", b"it", &[b"it"]);
    assert_answers(&mut server, "type", b"", &[b"a raw name"]);
    assert_answers(&mut server, "renamed-on-the-wire", b"", &[b"renamed"]);
    assert_answers(&mut server, "old", b"", &[b"old"]);
    assert_answers(&mut server, "there", b"", &[b"there"]);
    assert_answers(&mut server, "either", b"", &[b"other"]);
}

#[test]
fn only_what_is_exposed_has_a_number() {
    for name in ["hidden", "renamed", "gone", "GREETING", "call", "resolve", "", "foo ", "r#type"] {
        assert_eq!(MyServer::default().resolve(name), None, "{name}");
    }
}

#[test]
fn numbers_are_places_in_the_description() {
    let server = MyServer::default();
    for (number, method) in server.description().methods.iter().enumerate() {
        assert_eq!(server.resolve(method.name), Some(number), "{}", method.name);
    }
}

#[test]
fn an_iterator_gives_several_results_and_may_borrow() {
    assert_answers(&mut MyServer::default(), "words", b"a b c", &[b"1 a", b"2 b", b"3 c"]);
}

#[test]
fn nothing_is_said_as_such() {
    assert_eq!(run(&mut MyServer::default(), "quiet", b"").unwrap(), [None]);
}

#[test]
fn an_error_of_the_method_and_one_of_the_payload_are_told_apart() {
    let failed = run(&mut MyServer::default(), "fails", b"broken").unwrap_err();
    assert!(matches!(&failed, Failure::Method(error) if error.to_string() == "broken"), "{failed:?}");
    let refused = run(&mut MyServer::default(), "greet", b"\xff").unwrap_err();
    assert!(matches!(&refused, Failure::Refused { text } if text.contains("UTF-8")), "{refused:?}");
}

#[test]
fn a_number_that_was_never_given_is_an_error() {
    let (component, message) = (Component::new("server"), Message::new("server.foo", ""));
    let mut sink = |_| ();
    let error =
        MyServer::default().call(99, &Call::new(&message, &component), &mut Replies::new(&mut sink)).unwrap_err();
    assert_eq!(error.to_string(), "`server` has no method of number 99");
}

#[test]
fn the_description_is_what_stands_in_the_source() {
    let server = MyServer::default();
    let description = server.description();
    assert_eq!((description.name, description.kind), ("MyServer", Kind::Server));
    assert_eq!(description.docs, "Shows every shape of a method.");
    assert!(description.file.ends_with("tests/macros/component.rs"), "{}", description.file);
    let method = &description.methods[0];
    assert_eq!((method.name, method.payload, method.reply), ("foo", "&[u8]", "Vec<u8>"));
    assert_eq!(method.docs, "Answers with what it got.\n\nAs it got it.");
    assert_eq!(method.line, description.line + 7, "the line of the method's own name");
    let words = &description.methods[server.resolve("words").unwrap()];
    assert_eq!((words.payload, words.reply), ("&str", "impl Iterator<Item = String>"));
    assert_eq!(description.methods[server.resolve("quiet").unwrap()].reply, "");
}

#[derive(Default)]
struct MyMaster {
    counter: usize,
    log: Vec<&'static str>,
}

#[palm::master]
impl MyMaster {
    fn scatter(&mut self, message: Message) -> impl Iterator<Item = Message> {
        std::iter::repeat_n(message, 3).inspect(|_| self.counter += 1)
    }

    fn gather(&mut self, message: Message) -> Option<Message> {
        (self.counter == 3).then(|| message.with_payload("final message"))
    }

    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        message.next_stage();
        Topic::from(if message.stage() % 2 == 1 { "even" } else { "odd" })
    }

    fn started(&mut self) {
        self.log.push("started");
    }

    fn stopping(&mut self) {
        self.log.push("stopping");
    }

    #[palm(skip)]
    fn helper() {}
}

#[test]
fn hooks_are_called_by_the_engine() {
    MyMaster::helper();
    let mut master = MyMaster::default();
    let hooks = master.hooks();
    assert!(hooks.scatter && hooks.gather && hooks.handle_stream);
    assert_eq!(master.resolve("scatter"), None);

    let mut scattered = Vec::new();
    let mut sink = |message| scattered.push(message);
    Service::scatter(&mut master, Message::new("server.foo", "a"), &mut Messages::new(&mut sink));
    assert_eq!(scattered.len(), 3);
    let mut gathered = Vec::new();
    let mut sink = |message: Message| gathered.push(message.payload().clone());
    Service::gather(&mut master, Message::new("server.foo", "a"), &mut Messages::new(&mut sink));
    assert_eq!(gathered, ["final message"]);
    let mut message = Message::new("server.foo", "a");
    assert_eq!(Service::handle_stream(&mut master, &mut message).as_bytes(), b"even");
    Service::started(&mut master);
    Service::stopping(&mut master);
    assert_eq!(master.log, ["started", "stopping"]);
}

#[derive(Default)]
struct Plain;

#[palm::hub]
impl Plain {
    #[cfg(any())]
    fn scatter(&mut self, message: Message) -> Message {
        message
    }

    #[cfg(test)]
    fn handle_stream(&self, _: &mut Message) -> &'static str {
        "topic"
    }
}

#[test]
fn a_hook_that_is_not_compiled_in_is_not_there() {
    let hooks = Plain.hooks();
    assert!(!hooks.scatter && !hooks.gather && hooks.handle_stream);
    let mut passed = 0;
    Service::scatter(&mut Plain, Message::new("server.foo", "a"), &mut Messages::new(&mut |_| passed += 1));
    assert_eq!(passed, 1, "without a hook a message goes on as it is");
    let _ = Plain.handle_stream(&mut Message::new("", ""));
}

/// A component that a user's own macro makes.
macro_rules! component {
    ($name:ty, $method:ident, $call:ty, $wire:literal, $docs:literal) => {
        #[doc = $docs]
        #[palm::worker]
        impl $name {
            #[palm(name = $wire)]
            fn $method(&self, payload: &[u8], call: $call) -> Vec<u8> {
                [payload, call.name().as_bytes()].concat()
            }
        }
    };
}

struct Made;
component!(Made, foo, &Call<'_>, "wire-name", " Made by a macro.");

#[test]
fn a_macro_of_the_user_may_make_a_component() {
    assert_answers(&mut Made, "wire-name", b"made by ", &[b"made by worker1"]);
    assert_eq!((Made.description().name, Made.description().docs), ("Made", "Made by a macro."));
    assert_eq!(Made.description().methods[0].payload, "&[u8]");
}

/// A method that is `async` is called as a future, and is none of the others.
#[cfg(feature = "tokio")]
#[test]
fn async_methods_are_futures() {
    #[derive(Default)]
    struct Later;

    #[palm::server]
    impl Later {
        async fn both<'a>(&'a self, text: &'a str, call: &Call<'a>) -> impl Iterator<Item = &'a str> {
            let name = call.name();
            std::future::ready(()).await;
            [name, text].into_iter()
        }

        fn now(&self) {}
    }

    let methods: Vec<_> = Later.description().methods.iter().map(|method| (method.shared, method.is_async)).collect();
    assert_eq!(methods, [(true, true), (true, false)]);
    let (component, message) = (Component::new("later"), Message::new("later.both", "text"));
    let (call, mut answers) = (Call::new(&message, &component), Vec::new());
    let mut sink = |answer| answers.push(answer);
    let mut replies = Replies::new(&mut sink);
    futures::executor::block_on(Later.call_async(0, &call, &mut replies)).unwrap();
    assert!(futures::executor::block_on(Later.call_async(1, &call, &mut replies)).is_err());
    assert!(Later.call_shared(0, &call, &mut replies).is_err());
    assert!(Later.call(0, &call, &mut replies).is_err());
    assert_eq!(answers, ["later", "text"].map(|text| Some(Bytes::from(text))));
    assert!((Box::new(Later) as Box<dyn Service>).share().is_some());
}

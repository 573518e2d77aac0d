//! The expansion inside a module that has no prelude and calls its own things by the prelude's names.
#![no_implicit_prelude]

/// Everything the expansion could stumble over, were it not to name everything in full.
#[allow(dead_code, reason = "nothing may be found here")]
mod shadowing {
    pub(crate) trait Default {}
    pub(crate) trait Into {}
    pub(crate) trait Send {}
    pub(crate) trait Future {}
    pub(crate) struct Pin;
    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Ok;
    pub(crate) struct Err;
    pub(crate) struct Service;
    pub(crate) struct Probe;
    pub(crate) struct Replies;
    pub(crate) struct Method;
    pub(crate) struct ByDefault;
    pub(crate) mod palm {}
    pub(crate) mod core {}
    pub(crate) mod std {}
}
#[expect(unused_imports, reason = "nothing may be found here")]
use shadowing::*;

#[derive(::core::fmt::Debug, ::core::default::Default)]
#[expect(non_camel_case_types, reason = "it is called like a primitive type")]
pub(crate) struct usize;

#[::palm::server]
impl usize {
    fn foo(&mut self, message: &[u8], call: &::palm::Call<'_>) -> ::std::vec::Vec<u8> {
        let _ = call;
        ::std::borrow::ToOwned::to_owned(message)
    }

    #[cfg(any())]
    fn gone(&self) {}

    fn handle_stream(&mut self, _message: &mut ::palm::Message) -> ::palm::Topic {
        ::core::convert::From::from("topic")
    }
}

#[cfg(feature = "tokio")]
#[derive(::core::fmt::Debug)]
#[expect(non_camel_case_types, reason = "it is called like a primitive type")]
pub(crate) struct bool;

#[cfg(feature = "tokio")]
#[::palm::worker(constructor = Self::new)]
impl bool {
    #[palm(skip)]
    fn new() -> Self {
        Self
    }

    async fn foo(&self, message: &[u8], call: &::palm::Call<'_>) -> ::std::vec::Vec<u8> {
        let _ = call;
        ::std::borrow::ToOwned::to_owned(message)
    }

    #[cfg(any())]
    async fn gone(&self) {}
}

#[derive(::core::fmt::Debug)]
#[expect(non_camel_case_types, reason = "it is called like a primitive type")]
pub(crate) struct str;

#[::palm::hub(constructor = make)]
impl str {
    fn scatter(&mut self, message: ::palm::Message) -> ::palm::Message {
        message
    }
}

fn make() -> ::core::result::Result<str, ::std::string::String> {
    ::core::result::Result::Ok(str)
}

::palm::topology! {
    pub(crate) struct Option2 {
        inbound Pull: ::palm::part::PullService = "tcp://127.0.0.1:*" => Pub, log "in";
        outbound Pub: ::palm::part::PubService { pipelined: true } = ::std::format!("tcp://127.0.0.1:*"), gather;
        bypass Cache: ::palm::part::CacheService = "tcp://127.0.0.1:5555";
        bypass Type: ::palm::part::CacheService = "tcp://127.0.0.1:5556";
    }
}

#[test]
fn it_compiles_and_runs() {
    let service: &dyn ::palm::service::Service = &usize;
    ::core::assert_eq!(service.resolve("foo"), ::core::option::Option::Some(0));
    let service: &dyn ::palm::service::Service = &str;
    ::core::assert!(service.hooks().scatter);
    let _ = Option2::new("topology").type_address("tcp://127.0.0.1:*").template();
}

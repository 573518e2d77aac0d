//! Border cases of the attributes: each is a twin of a rule in `fail`.
#![expect(clippy::needless_arbitrary_self_type, clippy::unused_unit, reason = "what may be written is the point")]
#![expect(dead_code, reason = "nobody calls what is hidden")]

use palm::{Call, Message};

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    // A `self` may be written out.
    fn typed_receiver(self: &mut Self) {}

    // A lifetime is no type parameter.
    fn lifetime<'a>(&'a mut self, message: &'a [u8]) -> &'a [u8] {
        message
    }

    // One payload and one call, in any order.
    fn call_first(&self, _: &Call, _: Wrapped) {}

    // A method that is hidden may be anything.
    #[palm(skip)]
    async fn hidden<T>(self, _: T, _: T) {}

    // A hook of masters may be an ordinary method elsewhere, under another name or hidden.
    #[palm(skip)]
    fn scatter(&self) {}

    // The names of the generated methods are free.
    fn call(&self) {}
    fn resolve(&self) {}
    fn description(&self) {}
    fn hooks(&self) {}
}

struct Wrapped;

impl<'a> palm::service::FromPayload<'a> for Wrapped {
    fn from_payload(_: &'a palm::Bytes) -> Result<Self, palm::service::Refused> {
        Ok(Self)
    }
}

struct MyMaster;

#[palm::master]
impl MyMaster {
    fn scatter(&self, message: Message) -> [Message; 2] {
        [message.clone(), message]
    }

    fn started(&mut self) -> () {}
}

#[test]
fn they_hold() {
    fn serve(_: impl palm::service::ServerService) {}
    serve(MyServer);
}

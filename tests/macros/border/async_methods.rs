//! What async methods may be: each is a twin of a rule in `fail`.
#![expect(clippy::needless_arbitrary_self_type, unused_parens, reason = "what may be written is the point")]

use palm::{Bytes, Call};

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    // A `self` may be written out.
    async fn typed_receiver(self: &Self) {}

    // What is borrowed from the payload and the call lives as long as the future.
    async fn borrowed<'a>(&'a self, text: &'a str, call: &Call<'a>) -> (impl Iterator<Item = &'a str> + 'a) {
        let _ = call.remaining();
        std::future::ready(()).await;
        text.lines()
    }

    // What cannot be sent may be used between two awaits, and given back.
    async fn not_send_for_a_while(&self, bytes: &Bytes) -> impl Iterator<Item = Vec<u8>> {
        std::future::ready(()).await;
        let bytes = std::rc::Rc::new(bytes.to_vec());
        (0..2).map(move |_| bytes.to_vec())
    }

    // They stand beside the others.
    fn shared(&self) {}
    fn alone(&mut self) {}

    async fn fallible(&self, call: &Call<'_>, _: Wrapped) -> Result<Option<String>, std::fmt::Error> {
        Ok(Some(call.name().to_owned()))
    }

    // The names of the generated methods are free.
    async fn call_async(&self) {}
    async fn call(&self) {}
    async fn share(&self) {}
}

struct Wrapped;

impl<'a> palm::service::FromPayload<'a> for Wrapped {
    fn from_payload(_: &'a Bytes) -> Result<Self, palm::service::Refused> {
        Ok(Self)
    }
}

// A block of nothing else, and one whose methods a `cfg` decides about.
struct MyWorker;

#[palm::worker]
impl MyWorker {
    async fn foo(&self) {}

    #[cfg(any())]
    async fn gone(&self) {}
}

struct MyPipeline;

#[palm::pipeline]
impl MyPipeline {
    async fn foo(&self) {}
}

struct MySink;

#[palm::sink]
impl MySink {
    async fn foo(&self) {}
}

#[test]
fn they_hold() {
    fn serve(_: impl palm::service::ServerService) {}
    serve(MyServer);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    drop(palm::Worker::new("worker", MyWorker).tasks(3).runtime(runtime.handle().clone()));
}

//! What the program under test is made of.

use std::thread::sleep;
use std::time::Duration;

use palm::{Call, Message, Topic};

/// Answers.
#[derive(Default)]
pub(crate) struct MyServer;

/// Answers with what it got.
///
/// At any time.
#[palm::server]
impl MyServer {
    /// Says it.
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"you sent me ", message].concat()
    }

    fn slow(&mut self) {
        tracing::info!("Sleeping");
        sleep(Duration::from_secs(120));
    }

    #[palm(name = "shout")]
    fn loud(&mut self, message: String) -> Option<String> {
        tracing::info!("Shouting {message}");
        Some(message.to_uppercase())
    }

    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        Topic::from(message.client())
    }
}

/// Publishes under its own name, for the component after it.
#[derive(Default)]
pub(crate) struct Plain;

#[palm::server]
impl Plain {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"plainly ", message].concat()
    }
}

#[derive(Default)]
pub(crate) struct MyWorker;

#[palm::worker]
impl MyWorker {
    fn foo(&mut self, message: &[u8], call: &Call) -> Vec<u8> {
        if message == b"hang" {
            sleep(Duration::from_secs(120));
        }
        [call.name().as_bytes(), b" processed ", message].concat()
    }
}

#[derive(Default)]
pub(crate) struct MyPipeline;

#[palm::pipeline]
impl MyPipeline {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"and I pipelined ", message].concat()
    }
}

#[derive(Default)]
pub(crate) struct MySink;

#[palm::sink]
impl MySink {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"and gathered ", message].concat()
    }
}

#[derive(Default)]
pub(crate) struct MyMaster;

#[palm::master]
impl MyMaster {
    fn scatter(&mut self, message: Message) -> [Message; 2] {
        [message.clone(), message]
    }
}

/// Has a name of the library's.
#[derive(Default)]
pub(crate) struct Hub;

#[palm::hub]
impl Hub {
    fn gather(&mut self, message: Message) -> Message {
        message
    }
}

/// Has neither a `Default` nor a constructor.
pub(crate) struct Unmakeable(pub(crate) u8);

#[palm::worker]
impl Unmakeable {
    fn number(&mut self) -> Vec<u8> {
        vec![self.0]
    }
}

pub(crate) struct Unlucky;

#[palm::server(constructor = Self::new)]
impl Unlucky {
    #[palm(skip)]
    fn new() -> Result<Self, String> {
        Err("the stars are wrong".to_owned())
    }
}

#[derive(Default)]
pub(crate) struct Twin;

#[palm::worker]
impl Twin {}

pub(crate) mod second {
    #[derive(Default)]
    pub(crate) struct Twin;

    #[palm::server]
    impl Twin {}
}

//! Components that are called.

use std::sync::{Condvar, Mutex};

use palm::{Handle, Pipeline, Server};

#[derive(Debug, Default)]
pub(crate) struct Shop;

/// Held back until a test lets it go.
static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

pub(crate) fn open_gate() {
    *GATE.0.lock().unwrap() = true;
    GATE.1.notify_all();
}

#[palm::server]
impl Shop {
    /// Says it louder.
    ///
    /// In capital letters.
    fn shout(&mut self, text: &str) -> String {
        text.to_uppercase()
    }

    fn back(&mut self, message: &[u8]) -> Vec<u8> {
        message.to_vec()
    }

    /// Refuses what is odd.
    fn even(&mut self, number: &str) -> Result<String, String> {
        if number.ends_with(['0', '2', '4', '6', '8']) {
            Ok(number.to_owned())
        } else {
            Err(format!("{number} is odd\u{1b}[2J"))
        }
    }

    fn letters(&mut self, text: String) -> impl Iterator<Item = String> + use<> {
        text.chars().map(String::from).collect::<Vec<_>>().into_iter()
    }

    /// The tag of the message.
    fn tag(&mut self, _: &[u8], call: &palm::Call) -> String {
        call.message().pipeline().to_owned()
    }

    fn stuck(&mut self) {
        let open = GATE.0.lock().unwrap();
        drop(GATE.1.wait_while(open, |open| !*open).unwrap());
    }
}

#[derive(Debug, Default)]
pub(crate) struct Frame;

#[palm::pipeline]
impl Frame {
    fn brackets(&mut self, text: &str) -> String {
        format!("[{text}]")
    }
}

/// A shop, and the address of its cache.
pub(crate) fn shop() -> (Handle, String) {
    let server = Server::new("shop", Shop).start().unwrap();
    let db = server.address("db_address").unwrap();
    (server, db)
}

/// The same with the classic sockets alone.
pub(crate) fn classic_shop() -> (Handle, String) {
    let server = Server::new("shop", Shop).classic().start().unwrap();
    let db = server.address("db_address").unwrap();
    (server, db)
}

/// A shop whose answers go through a frame: both, the shop's cache, and where the answers are published.
pub(crate) fn framed_shop() -> (Handle, Handle, String, String) {
    let server = Server::new("shop", Shop).pipelined(true).start().unwrap();
    let stream = server.address("pub_address").unwrap();
    let pipeline = Pipeline::new("frame", Frame).sub_address(stream).previous("shop").start().unwrap();
    let (db, answers) = (server.address("db_address").unwrap(), pipeline.address("pub_address").unwrap());
    (server, pipeline, db, answers)
}

#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn scatter(&mut self, message: Message) -> Message {
        message
    }

    fn gather(&mut self, message: Message) -> Message {
        message
    }
}

fn main() {}

#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn handle_stream(&mut self, message: Message) -> palm::Topic {
        palm::Topic::from("topic")
    }
}

fn main() {}

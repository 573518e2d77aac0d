#![allow(unused)]

use palm::{Message, Topic};

#[derive(Default)]
struct MyServer;

#[palm::worker]
impl MyServer {
    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        message.next_stage();
        Topic::from("topic")
    }
}

fn main() {}

#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::master]
impl MyServer {
    fn scatter(&mut self, message: &Message) -> Message {
        message.clone()
    }
}

fn main() {}

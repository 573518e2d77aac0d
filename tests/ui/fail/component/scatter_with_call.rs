#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::master]
impl MyServer {
    fn scatter(&mut self, message: Message, call: &palm::Call) -> Message {
        message
    }
}

fn main() {}

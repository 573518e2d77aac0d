#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::hub]
impl MyServer {
    #[palm(name = "spread")]
    fn scatter(&mut self, message: Message) -> Message {
        message
    }
}

fn main() {}

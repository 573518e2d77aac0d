#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::master]
impl MyServer {
    fn scatter(&mut self, message: Message) -> Vec<u8> {
        message.payload().to_vec()
    }
}

fn main() {}

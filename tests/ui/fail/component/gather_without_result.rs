#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::hub]
impl MyServer {
    fn gather(&mut self, message: Message) {}
}

fn main() {}

#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::master]
impl MyServer {
    fn scatter(&mut self) -> Vec<Message> {
        Vec::new()
    }
}

fn main() {}

#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::master]
impl MyServer {
    fn foo(&mut self, message: &[u8]) {}

    fn scater(&mut self, message: palm::Message) -> palm::Message {
        message
    }
}

fn main() {}

#![allow(unused)]

use palm::Message;

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn handle_stream(&mut self, message: &mut Message) {}
}

fn main() {}

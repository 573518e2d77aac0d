#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn new() -> Self {
        Self
    }
}

fn main() {}

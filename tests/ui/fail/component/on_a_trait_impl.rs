#![allow(unused)]

#[derive(Default)]
struct MyServer;

trait Greet {
    fn greet(&mut self);
}

#[palm::server]
impl Greet for MyServer {
    fn greet(&mut self) {}
}

fn main() {}

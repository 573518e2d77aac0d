#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(self) {}

    fn bar(mut self) {}
}

fn main() {}

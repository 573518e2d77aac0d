#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(self: Box<Self>) {}
}

fn main() {}

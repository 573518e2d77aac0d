#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(&mut self, call: &mut palm::Call) {}
}

fn main() {}

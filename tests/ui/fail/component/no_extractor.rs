#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(&mut self, message: &u64) {}

    fn bar(&mut self, number: std::time::Duration, call: &palm::Call) {}
}

fn main() {}

#![allow(unused)]

use palm::Call;

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(&mut self, one: &Call, two: &Call) {}
}

fn main() {}

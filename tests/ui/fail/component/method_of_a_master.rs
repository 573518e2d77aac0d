#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::master]
impl MyServer {
    fn foo(&mut self, message: &[u8]) {}
}

fn main() {}

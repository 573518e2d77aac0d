#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(&mut self, one: &[u8], two: &str, three: String) {}
}

fn main() {}

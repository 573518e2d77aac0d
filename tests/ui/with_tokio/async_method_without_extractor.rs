#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    async fn foo(&self, number: u32) {}
}

fn main() {}

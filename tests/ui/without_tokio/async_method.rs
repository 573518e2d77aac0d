#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    async fn foo(&self) {}
}

fn main() {}

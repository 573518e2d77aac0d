#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    async fn foo(&mut self) {}

    async fn bar(self: &mut Self) {}
}

fn main() {}

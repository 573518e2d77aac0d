#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    async fn foo(&self) -> Vec<u32> {
        Vec::new()
    }
}

fn main() {}

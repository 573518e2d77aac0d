#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::worker]
impl MyServer {
    async fn stopping(&mut self) {}
}

fn main() {}

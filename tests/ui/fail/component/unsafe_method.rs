#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    unsafe fn foo(&mut self) {}
}

fn main() {}

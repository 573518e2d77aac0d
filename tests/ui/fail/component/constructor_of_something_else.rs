#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server(constructor = make)]
impl MyServer {}

fn make() -> Option<MyServer> {
    Some(MyServer)
}

fn main() {}

#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    #[palm(skip)]
    const N: usize = 3;

    fn foo(&mut self) {}
}

fn main() {}

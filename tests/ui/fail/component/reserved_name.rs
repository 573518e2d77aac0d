#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    #[palm(name = "scatter")]
    fn foo(&mut self) {}

    #[palm(name = "stopping")]
    fn bar(&mut self) {}
}

fn main() {}

#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    #[palm(name = "my_server.foo")]
    fn dot(&mut self) {}

    #[palm(name = "foo bar")]
    fn blank(&mut self) {}

    #[palm(name = "")]
    fn empty(&mut self) {}
}

fn main() {}

#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    #[palm(nam = "bar")]
    fn near(&mut self) {}

    #[palm(timeout = 3, skip)]
    fn far(&mut self) {}
}

fn main() {}

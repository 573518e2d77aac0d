#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(&mut self) {}

    #[palm(name = "foo")]
    fn bar(&mut self) {}

    #[palm(name = "baz")]
    fn r#type(&mut self) {}

    fn baz(&mut self) {}
}

fn main() {}

#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo<T: Default>(&mut self) {}

    fn bar(&mut self, message: impl AsRef<[u8]>) {}

    fn baz<const N: usize>(&mut self) {}
}

fn main() {}

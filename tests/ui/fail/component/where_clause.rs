#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer
where
    Self: Send,
{
    fn foo(&mut self) {}
}

fn main() {}

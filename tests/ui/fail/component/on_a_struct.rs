#![allow(unused)]

#[palm::server]
#[derive(Default)]
struct MyServer;

fn main() {}

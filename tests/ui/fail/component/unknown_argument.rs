#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server(construct = MyServer::default)]
impl MyServer {}

struct Other;

#[palm::worker(name = "other", threads = 4)]
impl Other {}

fn main() {}

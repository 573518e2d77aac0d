#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server(constructor = || MyServer)]
impl MyServer {}

struct Other;

#[palm::worker(constructor)]
impl Other {}

struct Third;

#[palm::worker(constructor = make, constructor = make)]
impl Third {}

fn make() -> Third {
    Third
}

fn main() {}

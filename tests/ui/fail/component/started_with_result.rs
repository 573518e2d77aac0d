#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::worker]
impl MyServer {
    fn started(&mut self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}

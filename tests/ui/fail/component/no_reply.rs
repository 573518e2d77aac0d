#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(&mut self, message: &[u8]) -> Vec<Vec<u8>> {
        vec![message.to_vec()]
    }

    fn bar(&mut self) -> impl Iterator<Item = u64> {
        0..3
    }
}

fn main() {}

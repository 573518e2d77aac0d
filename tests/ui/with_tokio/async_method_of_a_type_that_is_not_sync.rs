#![allow(unused)]

#[derive(Default)]
struct MyServer(std::cell::Cell<u32>);

#[palm::server]
impl MyServer {
    async fn foo(&self) -> String {
        self.0.get().to_string()
    }
}

fn main() {}

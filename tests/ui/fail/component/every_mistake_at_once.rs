#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server(thread = 3)]
impl MyServer {
    fn new() -> Self {
        Self
    }

    unsafe fn foo(self, one: &[u8], two: &[u8]) {}

    #[palm(name = "a.b", skipp)]
    fn bar(&mut self) {}
}

fn serve(_: impl palm::service::ServerService) {}

fn main() {
    serve(MyServer::new());
}

#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::worker]
impl MyServer {}

fn serve(_: impl palm::service::ServerService) {}

fn main() {
    serve(MyServer);
}

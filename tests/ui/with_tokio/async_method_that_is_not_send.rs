#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    async fn foo(&self, text: String) -> String {
        let text = std::rc::Rc::new(text);
        std::future::ready(()).await;
        text.to_string()
    }
}

fn main() {}

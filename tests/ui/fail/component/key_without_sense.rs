#![allow(unused)]

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    #[palm(skip, name = "bar")]
    fn both(&mut self) {}

    #[palm(skip, skip)]
    fn twice(&mut self) {}

    #[palm(name = "a", name = "b")]
    fn named_twice(&mut self) {}

    #[palm(skip = true)]
    fn with_value(&mut self) {}

    #[palm(name)]
    fn without_value(&mut self) {}

    #[palm(name = 3)]
    fn with_number(&mut self) {}

    #[palm]
    fn without_key(&mut self) {}

    #[palm::skip]
    fn as_a_path(&mut self) {}
}

fn main() {}

#![allow(unused)]

#[derive(Default)]
struct Counting(std::rc::Rc<()>);

#[palm::server]
impl Counting {}

fn main() {}

#![allow(unused)]

struct Generic<T>(T);

#[palm::server]
impl<T> Generic<T> {
    fn foo(&mut self) {}
}

fn main() {}

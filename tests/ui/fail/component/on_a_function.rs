#![allow(unused)]

#[palm::worker]
fn foo(message: &[u8]) -> &[u8] {
    message
}

fn main() {
    foo(b"");
}

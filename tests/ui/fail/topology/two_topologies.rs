#![allow(unused)]

use palm::part::PullService;

palm::topology! {
    struct One {
        inbound Pull: PullService => discard;
    }
    struct Two {}
}

fn main() {}

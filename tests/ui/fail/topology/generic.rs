#![allow(unused)]

use palm::part::PullService;

palm::topology! {
    struct Cluster<T> {
        inbound Pull: PullService => discard;
    }
}

fn main() {}

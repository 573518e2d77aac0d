#![allow(unused)]

use palm::part::PullService;

palm::topology! {
    inbound Pull: PullService => discard;
}

fn main() {}

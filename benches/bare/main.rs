//! The roles of the bare sockets, as a program that has libzmq as the crate zmq has it.

#[path = "../system/bare.rs"]
mod bare;
#[path = "../system/client.rs"]
mod client;
#[path = "../system/load.rs"]
mod load;
#[expect(dead_code, reason = "it is started, and starts nobody")]
#[path = "../support/peer.rs"]
mod peer;
#[path = "../system/roles.rs"]
mod roles;
#[path = "../system/sockets.rs"]
mod sockets;
#[path = "../support/unbounded.rs"]
mod unbounded;

fn main() -> Result<(), peer::BoxError> {
    let (words, _) = peer::played().ok_or("this is a part of the benchmark `system`, which starts it")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    roles::play(bare::Bare { topic: false }, &words)
}

//! The roles of gRPC: bidirectional streams by tonic, set for as many messages a second as they can be.

mod client;
mod codec;
#[path = "../system/load.rs"]
mod load;
mod master;
#[expect(dead_code, reason = "it is started, and starts nobody")]
#[path = "../support/peer.rs"]
mod peer;
#[expect(unreachable_pub, unused_qualifications, reason = "generated")]
mod proto {
    tonic::include_proto!("payloads");
}
#[path = "../system/roles.rs"]
mod roles;
mod streams;
mod transport;

fn main() -> Result<(), peer::BoxError> {
    let (words, _) = peer::played().ok_or("this is a part of the benchmark `system`, which starts it")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    roles::play(streams::Streams, &words)
}

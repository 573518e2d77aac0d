//! Compiles `payloads.proto` with a compiler written in Rust, so that no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=payloads.proto");
    let descriptors = protox::compile(["payloads.proto"], ["."])?;
    let builder = tonic_prost_build::configure().bytes(".").build_transport(false).codec_path("crate::codec::Codec");
    Ok(builder.compile_fds(descriptors)?)
}

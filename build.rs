//! Compiles `proto/palm.proto` with a compiler written in Rust, so that no `protoc` is needed, and mends libzmq.

use std::path::PathBuf;
use std::{env, fs};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result {
    println!("cargo::rerun-if-changed=proto/palm.proto");
    let descriptors = protox::compile(["proto/palm.proto"], ["proto"])?;
    prost_build::Config::new().bytes(["."]).compile_fds(descriptors)?;
    mend_libzmq()
}

/// Where libzmq 4.3.4 aborts the process for what a peer did, and what it does instead. Both times the input of a connection
/// is stopped, because the socket's queue is full or the socket is being closed, and then the connection breaks: what was
/// read stays until the input goes on, with no descriptor left to write to.
const MENDED: [(&str, &str); 2] = [
    // There is a PING of the peer in what was read, which is to be answered.
    (
        "zmq_assert (!_io_error);\n\n    //  If write buffer is empty",
        "if (unlikely (_io_error))\n        return;\n\n    //  If write buffer is empty",
    ),
    // It is time for a PING of ours. Whether the input ever goes on is not known, so the connection ends here.
    (
        "_next_msg = &stream_engine_base_t::produce_ping_message;",
        "if (unlikely (_io_error)) {\n            _has_heartbeat_timer = false;\n            error (connection_error);\n            \
         return;\n        }\n        _next_msg = &stream_engine_base_t::produce_ping_message;",
    ),
];

/// Compiles the one file of libzmq in which that is. It is linked as a whole, so that the linker has no need of the one that
/// the archive of zmq-sys has under the same names.
fn mend_libzmq() -> Result {
    let Some(built) = env::var_os("DEP_ZMQ_OUT") else {
        println!("cargo::warning=this libzmq is not the one that palm mends: peers may be able to abort the process");
        return Ok(());
    };
    let (built, out) = (PathBuf::from(built), PathBuf::from(env::var("OUT_DIR")?));
    let sources = built.join("source/src");
    let mut text = fs::read_to_string(sources.join("stream_engine_base.cpp"))?;
    for (bad, good) in MENDED {
        if text.matches(bad).count() != 1 {
            return Err(
                format!("libzmq's stream_engine_base.cpp is not that of 4.3.4: not once in it is {bad:?}").into()
            );
        }
        text = text.replace(bad, good);
    }
    let mended = out.join("stream_engine_base.cpp");
    fs::write(&mended, text)?;
    let mut compiler = cc::Build::new();
    // The definitions are those of zeromq-src: all of libzmq has to agree on how its classes are laid out.
    for name in
        ["USE_CV_IMPL_STL11", "STATIC", "USE_BUILTIN_SHA1", "HAVE_WS", "HAVE_IPC", "HAVE_UIO", "POLL_BASED_ON_POLL"]
    {
        compiler.define(&format!("ZMQ_{name}"), "1");
    }
    let poller = if env::var("CARGO_CFG_TARGET_VENDOR")? == "apple" { "KQUEUE" } else { "EPOLL" };
    compiler.define(&format!("ZMQ_IOTHREAD_POLLER_USE_{poller}"), "1").define("HAVE_STRNLEN", "1");
    compiler.cpp(true).warnings(false).include(&built).include(&sources).file(mended);
    compiler.cargo_metadata(false).try_compile("palm_zmq")?;
    println!("cargo::rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-lib=static:+whole-archive=palm_zmq");
    Ok(())
}

//! Compiles `proto/palm.proto` with a compiler written in Rust, so that no `protoc` is needed, and mends libzmq.

use std::path::PathBuf;
use std::{env, fs};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result {
    println!("cargo::rerun-if-changed=proto/palm.proto");
    println!("cargo::rerun-if-changed=palm/socket/vigil.hpp");
    let descriptors = protox::compile(["proto/palm.proto"], ["proto"])?;
    prost_build::Config::new().bytes(["."]).compile_fds(descriptors)?;
    mend_libzmq()
}

/// What is changed, and into what.
type Changes = &'static [(&'static str, &'static str)];

/// Where libzmq 4.3.4 aborts the process for what a peer did, and what it does instead. Both times the input of a connection
/// is stopped, because the socket's queue is full or the socket is being closed, and then the connection breaks: what was
/// read stays until the input goes on, with no descriptor left to write to.
///
/// And how it sends. As it is, it asks to be told when a connection can be written to, writes all there is, is told, finds
/// nothing more, and asks to be told no more: three system calls too many for each message that goes alone. Here it is told
/// only where something was left, and `_output_stopped` says that it is not.
const ENGINE: Changes = &[
    // There is a PING of the peer in what was read, which is to be answered.
    (
        "zmq_assert (!_io_error);\n\n    //  If write buffer is empty",
        "if (unlikely (_io_error))\n        return;\n\n    bool is_all = false;\n    //  If write buffer is empty",
    ),
    // It is time for a PING of ours. Whether the input ever goes on is not known, so the connection ends here.
    (
        "_next_msg = &stream_engine_base_t::produce_ping_message;",
        "if (unlikely (_io_error)) {\n            _has_heartbeat_timer = false;\n            error (connection_error);\n            \
         return;\n        }\n        _next_msg = &stream_engine_base_t::produce_ping_message;",
    ),
    ("    if (likely (_output_stopped)) {\n        set_pollout ();\n        _output_stopped = false;\n    }\n\n", ""),
    // What is sent from now on has `restart_output` called, for there was nothing more.
    (
        "return;\n                else\n                    break;",
        "return;\n                is_all = true;\n                break;",
    ),
    (
        "    if (unlikely (_handshaking))\n        if (_outsize == 0)\n            reset_pollout ();\n",
        "    if (unlikely (_handshaking)) {\n        if (_outsize == 0)\n            reset_pollout ();\n    \
         } else if (is_all && _outsize == 0) {\n        if (!_output_stopped)\n            reset_pollout ();\n        \
         _output_stopped = true;\n    } else if (_output_stopped) {\n        set_pollout ();\n        _output_stopped = false;\n    }\n",
    ),
];

/// What is sent is allocated by the thread that sends and freed by libzmq's, and what is received the other way round. The
/// malloc of many systems takes a lock for that, and the threads wait for each other: these come from mimalloc instead, which
/// gives back to the system what has not been used for 50 ms and not, as it would, for a second.
const MESSAGES: Changes = &[
    (
        "#include \"msg.hpp\"\n",
        "#include \"msg.hpp\"\n#include <mimalloc.h>\n\
         static const int purged_soon = (mi_option_set_default (mi_option_purge_delay, 50), 0);\n",
    ),
    ("(malloc (sizeof (content_t) + size_))", "(mi_malloc (sizeof (content_t) + size_))"),
    ("(malloc (sizeof (content_t)))", "(mi_malloc (sizeof (content_t)))"),
    // At the end of a message, and of a reference to one.
    ("free (_u.lmsg.content)", "mi_free (_u.lmsg.content)"),
];
const RECEIVED: Changes = &[
    ("#include \"msg.hpp\"\n", "#include \"msg.hpp\"\n#include <mimalloc.h>\n"),
    ("std::malloc (allocationsize)", "mi_malloc (allocationsize)"),
    ("std::free (", "mi_free ("),
];

/// What a connection writes at once. Larger messages are written from where they are; smaller ones, and the first part of those,
/// are put together. What that makes of the figures stands in docs/performance.md.
const OPTIONS: Changes = &[(" out_batch_size (8192)", " out_batch_size (65536)")];

/// How a thread looks for commands of others without waiting. As it is, it polls whether there is a signal, takes it, takes the
/// commands, and polls once more. Here it takes the signal if there is one, and when there are no more commands it is done:
/// whoever sends one from then on gives a signal again.
const MAILBOX: Changes = &[
    (
        "        _active = false;\n    }\n",
        "        _active = false;\n        if (timeout_ == 0) {\n            errno = EAGAIN;\n            return -1;\n        }\n    }\n",
    ),
    ("int rc = _signaler.wait (timeout_);", "int rc = timeout_ == 0 ? 0 : _signaler.wait (timeout_);"),
];

/// How a thread of libzmq's own waits for events.
const EPOLL: Changes = &[
    ("#include <new>\n", "#include <new>\n#include \"vigil.hpp\"\n"),
    ("    epoll_event ev_buf[max_io_events];\n", "    epoll_event ev_buf[max_io_events];\n    palm::vigil_t vigil;\n"),
    ("epoll_wait (_epoll_fd,", "vigil.wait (_epoll_fd,"),
];

/// The files of libzmq that are changed: how, and in how many places.
const MENDED: [(&str, Changes, usize); 8] = [
    ("epoll.cpp", EPOLL, 3),
    ("mailbox.cpp", MAILBOX, 2),
    ("options.cpp", OPTIONS, 1),
    ("stream_engine_base.cpp", ENGINE, 5),
    ("msg.cpp", MESSAGES, 5),
    ("decoder_allocators.cpp", RECEIVED, 4),
    // These two are only compiled otherwise.
    ("signaler.cpp", &[], 0),
    ("ip.cpp", &[], 0),
];

/// Compiles those files of libzmq. They are linked as a whole, so that the linker has no need of the ones that the archive of
/// zmq-sys has under the same names.
fn mend_libzmq() -> Result {
    let Some(built) = env::var_os("DEP_ZMQ_OUT") else {
        println!("cargo::warning=this libzmq is not the one that palm mends: peers may be able to abort the process");
        return Ok(());
    };
    let (built, out) = (PathBuf::from(built), PathBuf::from(env::var("OUT_DIR")?));
    let sources = built.join("source/src");
    let mut compiler = cc::Build::new();
    for (name, changes, places) in MENDED {
        let mut text = fs::read_to_string(sources.join(name))?;
        let found = changes.iter().map(|(from, _)| text.matches(from).count());
        if found.clone().any(|found| found == 0) || found.sum::<usize>() != places {
            return Err(
                format!("libzmq's {name} is not that of 4.3.4: what is changed is not in its {places} places").into()
            );
        }
        for (from, to) in changes {
            text = text.replace(from, to);
        }
        fs::write(out.join(name), text)?;
        compiler.file(out.join(name));
    }
    // The definitions are those of zeromq-src: all of libzmq has to agree on how its classes are laid out.
    for name in
        ["USE_CV_IMPL_STL11", "STATIC", "USE_BUILTIN_SHA1", "HAVE_WS", "HAVE_IPC", "HAVE_UIO", "POLL_BASED_ON_POLL"]
    {
        compiler.define(&format!("ZMQ_{name}"), "1");
    }
    let poller = if env::var("CARGO_CFG_TARGET_VENDOR")? == "apple" { "KQUEUE" } else { "EPOLL" };
    compiler.define(&format!("ZMQ_IOTHREAD_POLLER_USE_{poller}"), "1").define("HAVE_STRNLEN", "1");
    // zeromq-src leaves this out: a thread that wakes another up writes into a pair of sockets then, which takes longer and
    // needs two descriptors in place of one.
    if ["linux", "android"].contains(&&*env::var("CARGO_CFG_TARGET_OS")?) {
        compiler.define("ZMQ_HAVE_EVENTFD", "1").define("ZMQ_HAVE_EVENTFD_CLOEXEC", "1");
    }
    compiler
        .cpp(true)
        .warnings(false)
        .include(&built)
        .include(&sources)
        .include("palm/socket")
        .include(env::var("DEP_MIMALLOC_INCLUDE_DIR")?);
    compiler.cargo_metadata(false).try_compile("palm_zmq")?;
    println!("cargo::rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-lib=static:+whole-archive=palm_zmq");
    Ok(())
}

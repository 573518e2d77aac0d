//! The Python implementation as one system more, where its environment can be had.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::peer::BoxError;
use crate::python;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/system/peer.py");

/// The interpreter that `PALM_BENCH_PYLM` names, or one of an environment that the tests share. `None` where there is none.
pub(crate) fn interpreter() -> Option<&'static Path> {
    static NAMED: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    NAMED.get_or_init(|| std::env::var_os("PALM_BENCH_PYLM").map(Into::into)).as_deref().or_else(python::interpreter)
}

pub(crate) fn role<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Command, BoxError> {
    let mut command = Command::new(interpreter().ok_or("there is no pylm here")?);
    command.arg(SCRIPT).args(words);
    Ok(command)
}

/// Addresses that nothing is bound to: its sockets take no port of the system's choice.
pub(crate) fn addresses<const N: usize>() -> Result<[String; N], BoxError> {
    let listeners = (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let mut addresses = [const { String::new() }; N];
    for (address, listener) in addresses.iter_mut().zip(&listeners) {
        *address = format!("tcp://{}", listener.local_addr()?);
    }
    Ok(addresses)
}

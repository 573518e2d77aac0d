//! What Linux says about TCP on this machine; elsewhere a longer pause stands in for it.

use std::fs;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

const ESTABLISHED: u8 = 0x01;
const LISTEN: u8 = 0x0A;

/// Whether somebody listens on this port of the loopback interface.
pub(crate) fn listens(port: u16) -> bool {
    match count(port, LISTEN) {
        Some(count) => count > 0,
        None => TcpStream::connect(("127.0.0.1", port)).is_ok(),
    }
}

/// How many connections the listener of this port has accepted and still has.
pub(crate) fn established(port: u16) -> usize {
    count(port, ESTABLISHED).unwrap_or(usize::MAX)
}

/// Time for the handshakes and subscriptions on connections that stand.
pub(crate) fn settle() {
    let known = count(0, LISTEN).is_some();
    sleep(Duration::from_millis(if known { 300 } else { 3_000 }));
}

fn count(port: u16, state: u8) -> Option<usize> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    Some(table.lines().skip(1).filter(|line| parse(line) == Some((port, state))).count())
}

fn parse(line: &str) -> Option<(u16, u8)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (_, port) = fields.next()?.split_once(':')?;
    let state = fields.nth(1)?;
    Some((u16::from_str_radix(port, 16).ok()?, u8::from_str_radix(state, 16).ok()?))
}

#[test]
fn a_line_of_the_table_is_understood() {
    let line = "   0: 0100007F:15B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 27 1";
    assert_eq!(parse(line), Some((5555, LISTEN)));
}

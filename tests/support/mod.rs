//! What tests with real sockets share: a watchdog, and the log.

use std::fmt::Write as _;
use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use palm::{Client, Handle};

/// Far beyond what anything takes: a test that needs it hangs.
const GUARD: Duration = Duration::from_secs(45);

/// Runs a test that fails, rather than blocks, when it hangs.
pub(crate) fn guarded(test: impl FnOnce() + Send + 'static) {
    listen();
    let (done, ended) = channel();
    let thread = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match ended.recv_timeout(GUARD) {
        Ok(()) => {}
        Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().unwrap_err()),
        Err(RecvTimeoutError::Timeout) => panic!("it hangs; the log ends with\n{}", tail()),
    }
}

/// Waits until something is so; fails when it does not come.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < GUARD / 2, "{what} did not come; the log ends with\n{}", tail());
        thread::sleep(Duration::from_millis(2));
    }
}

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Capture;

impl io::Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Capture).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let thread = thread::current().name().unwrap_or_default().to_owned();
            LOG.lock().unwrap_or_else(PoisonError::into_inner).push(format!("panicked in {thread}: {panic}"));
            print(panic);
        }));
    });
}

fn tail() -> String {
    let log = LOG.lock().unwrap();
    log.iter().rev().take(20).rev().fold(String::new(), |mut text, line| {
        let _ = write!(text, "{line}");
        text
    })
}

/// Lines of the log that have all of `words`. Components of different tests have different names.
pub(crate) fn logged(words: &[&str]) -> usize {
    LOG.lock().unwrap().iter().filter(|line| words.iter().all(|word| line.contains(word))).count()
}

pub(crate) fn address(handle: &Handle, key: &str) -> String {
    handle.address(key).unwrap()
}

pub(crate) fn client(handle: &Handle) -> Client {
    let builder = Client::builder(handle.name(), address(handle, "db_address"));
    builder.timeout(Duration::from_secs(30)).connect().unwrap()
}

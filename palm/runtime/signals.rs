use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Error, Result};

/// Runs `join` while SIGTERM and Ctrl-C are taken: the first one calls `stop`, the second one ends the process with 128 + its
/// number.
pub(crate) fn until_signal(stop: impl Fn() + Send + 'static, join: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|error| Error::system("watch for signals", error))?;
    let handle = signals.handle();
    let watch = thread::Builder::new()
        .name("palm signals".to_owned())
        .spawn(move || {
            let mut seen = false;
            for signal in signals.forever() {
                if seen {
                    std::process::exit(128 + signal);
                }
                seen = true;
                tracing::info!("stopping: what is inside is handed over first; a second signal ends at once");
                stop();
            }
        })
        .map_err(|error| Error::system("start a thread", error))?;
    let outcome = join();
    handle.close();
    // It ends with its handle, and has nothing to say.
    let _ = watch.join();
    outcome
}

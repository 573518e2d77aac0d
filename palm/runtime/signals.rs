use std::io::Write as _;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::handle::Handle;
use crate::error::{Error, Result};

/// Runs what `start` starts while SIGTERM and Ctrl-C are taken: the first one shuts it down, the second one ends the process
/// with 128 + its number. They are taken before it starts, so that none comes too early for a drain.
pub(crate) fn until_signal(start: impl FnOnce() -> Result<Handle>) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|error| Error::system("watch for signals", error))?;
    let handle = start()?;
    let stop = handle.stopper();
    let span = tracing::info_span!("component", name = handle.name());
    let closer = signals.handle();
    let watch = thread::Builder::new()
        .name("palm signals".to_owned())
        .spawn(move || {
            let _entered = span.enter();
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
    let outcome = handle.join();
    closer.close();
    // It ends with its handle, and has nothing to say.
    let _ = watch.join();
    if let Err(error @ Error::Hung { .. }) = &outcome {
        end_process(error);
    }
    outcome
}

/// A thread that hangs in user code cannot be ended but with its process.
fn end_process(error: &Error) -> ! {
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("{error}");
    } else {
        // Whoever has no subscriber reads it as what `main` would have returned.
        let _ = writeln!(std::io::stderr(), "error: {error}");
    }
    std::process::exit(1)
}

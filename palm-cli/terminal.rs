//! What a terminal shows beside results: a progress bar, and lines that do not spoil it.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::output;

static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn bar() -> Option<ProgressBar> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Writes something while the bar, if there is one, is out of the way.
pub(crate) fn beside_the_bar<R>(write: impl FnOnce() -> R) -> R {
    match bar() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// A bar on stderr if that is a terminal. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Answers of `expected`, or of an unknown number. One alone is not worth a bar.
    pub(crate) fn of(expected: Option<u64>) -> Self {
        if expected == Some(1) || !io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = expected.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = match expected {
            Some(_) => "{wide_bar} {pos}/{len} {per_sec} eta {eta}",
            None => "{spinner} {pos} answers {per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Self(Some(bar))
    }

    pub(crate) fn set(&self, answers: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(answers);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
            *BAR.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Where log lines go.
#[derive(Debug)]
pub(crate) struct LogLines;

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        beside_the_bar(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A terminal's second screen, for what is drawn anew all the time. The first one is there again when this is dropped.
#[derive(Debug)]
pub(crate) struct Screen(());

impl Screen {
    /// Takes stdout, which is a terminal.
    pub(crate) fn open() -> Self {
        put("\u{1b}[?1049h\u{1b}[?25l");
        Self(())
    }

    /// Draws these lines, as far as there is room. `false` if nobody sees it any more.
    pub(crate) fn show(&self, lines: &[String]) -> Result<bool, Failure> {
        let (width, height) = terminal_size::terminal_size()
            .map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)));
        let mut text = String::from("\u{1b}[H");
        for line in lines.iter().take(height.saturating_sub(1)) {
            text.extend(line.chars().take(width));
            text.push_str("\u{1b}[K\r\n");
        }
        text.push_str("\u{1b}[J");
        output::write(text.as_bytes())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        put("\u{1b}[?25h\u{1b}[?1049l");
    }
}

fn put(text: &str) {
    // A terminal that is gone needs nothing.
    let _ = output::write(text.as_bytes());
}

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palm::{Error, Reply};
use serde_json::json;

use crate::failure::Failure;
use crate::output::{say, write};
use crate::terminal::{Progress, beside_the_bar};

/// Answers are written when there are so many bytes of them, or nothing more has come.
const ENOUGH: usize = 64 << 10;

/// Answers on their way to stdout.
#[derive(Debug)]
pub(super) struct Answers {
    json: bool,
    progress: Progress,
    unwritten: Vec<u8>,
    count: u64,
    failed: u64,
    /// Somebody reads them.
    read: bool,
}

impl Answers {
    pub(super) const fn new(json: bool, progress: Progress) -> Self {
        Self { json, progress, unwritten: Vec::new(), count: 0, failed: 0, read: true }
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Those that are errors.
    pub(super) const fn failed(&self) -> u64 {
        self.failed
    }

    pub(super) const fn are_read(&self) -> bool {
        self.read
    }

    pub(super) fn give(&mut self, reply: &Reply) -> Result<(), Failure> {
        self.count += 1;
        if self.json {
            self.line(&json!({ "payload": STANDARD.encode(reply) }))
        } else {
            self.unwritten.extend_from_slice(reply);
            self.end_line()
        }
    }

    /// Takes an answer that is an error.
    pub(super) fn fail(&mut self, error: Error) -> Result<(), Failure> {
        self.count += 1;
        self.failed += 1;
        match error {
            Error::Remote { component, method, code, text, retryable } if self.json => self.line(&json!({ "error": {
                "code": u32::from(code), "text": text, "component": component, "method": method, "retryable": retryable,
            } })),
            error => {
                // In its place among the answers, where both are seen.
                self.flush()?;
                say(&error);
                Ok(())
            }
        }
    }

    fn line(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        self.unwritten.extend_from_slice(value.to_string().as_bytes());
        self.end_line()
    }

    fn end_line(&mut self) -> Result<(), Failure> {
        self.unwritten.push(b'\n');
        if self.unwritten.len() < ENOUGH { Ok(()) } else { self.flush() }
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.progress.set(self.count);
        if !self.unwritten.is_empty() {
            self.read = beside_the_bar(|| write(&self.unwritten))?;
            self.unwritten.clear();
        }
        Ok(())
    }
}

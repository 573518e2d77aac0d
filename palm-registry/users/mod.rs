//! What lets somebody in: passwords, secrets that programs hold, and how often one may try.

mod password;
mod refused;
mod secret;
mod throttle;

pub(crate) use password::Hasher;
pub(crate) use refused::{Refused, Tries};
pub(crate) use secret::{Secret, hash, same};
pub(crate) use throttle::Throttle;

use crate::http::Refusal;

/// Longest name, e-mail address or label, in bytes.
const NAME: usize = 255;

/// A name as people type it: without blanks around it, and with nothing in it that cannot be seen.
pub(crate) fn name<'a>(what: &str, text: &'a str) -> Result<&'a str, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::bad(format!("the {what} is missing")));
    }
    label(what, text)
}

/// The same, and it may be empty.
pub(crate) fn label<'a>(what: &str, text: &'a str) -> Result<&'a str, Refusal> {
    let text = text.trim();
    if text.len() > NAME || text.contains(unseen) {
        return Err(Refusal::bad(format!("the {what} has a control character or is longer than {NAME} bytes")));
    }
    Ok(text)
}

/// Whether a character controls something, the direction of what stands around it included.
fn unseen(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

use std::fmt;

/// What kind of failure a [`RemoteError`](crate::wire::RemoteError) reports.
///
/// ```
/// use palm::wire::Code;
/// assert_eq!(Code::from(3), Code::UnknownMethod);
/// assert_eq!(Code::from(99), Code::Other(99));
/// assert_eq!(Code::UnknownMethod.to_string(), "unknown method");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The method returned an error.
    MethodFailed,
    /// The method panicked.
    MethodPanicked,
    /// The component has no method of that name.
    UnknownMethod,
    /// The message was meant for a component of another name.
    WrongServer,
    /// The message has no function for the stage it is at.
    NoSuchStage,
    /// The payload is not what the method takes.
    PayloadRefused,
    /// There was nobody to do the work.
    NoWorkers,
    /// The time that the caller gave was used up.
    Late,
    /// Every attempt ended with the death of the worker.
    Poisoned,
    /// The caller took the request back.
    Cancelled,
    /// The message is larger than the component takes.
    TooLarge,
    /// The component is shutting down.
    ShuttingDown,
    /// A code that this version does not know.
    Other(u32),
}

/// Number and text of each code, in one place.
const CODES: [(Code, u32, &str); 12] = [
    (Code::MethodFailed, 1, "method failed"),
    (Code::MethodPanicked, 2, "method panicked"),
    (Code::UnknownMethod, 3, "unknown method"),
    (Code::WrongServer, 4, "wrong server"),
    (Code::NoSuchStage, 5, "no such stage"),
    (Code::PayloadRefused, 6, "payload refused"),
    (Code::NoWorkers, 7, "no workers"),
    (Code::Late, 8, "late"),
    (Code::Poisoned, 9, "poisoned"),
    (Code::Cancelled, 10, "cancelled"),
    (Code::TooLarge, 11, "too large"),
    (Code::ShuttingDown, 12, "shutting down"),
];

impl From<u32> for Code {
    fn from(number: u32) -> Self {
        CODES.iter().find(|row| row.1 == number).map_or(Self::Other(number), |row| row.0)
    }
}

impl From<Code> for u32 {
    fn from(code: Code) -> Self {
        match code {
            Code::Other(number) => number,
            known => CODES.iter().find(|row| row.0 == known).map_or(0, |row| row.1),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CODES.iter().find(|row| row.0 == *self) {
            Some((_, _, text)) => f.write_str(text),
            None => write!(f, "code {}", u32::from(*self)),
        }
    }
}

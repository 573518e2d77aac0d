//! The state of an instance.

use serde::{Deserialize, Serialize};

/// State of an instance.
///
/// ```
/// use palm_registry::api::State;
///
/// assert_eq!(serde_json::to_string(&State::Backoff)?, r#""BACKOFF""#);
/// assert_eq!(State::Backoff.to_string(), "BACKOFF");
/// assert_eq!("BACKOFF".parse(), Ok(State::Backoff));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Not started yet, or ended because it was asked to.
    Stopped,
    /// Its process is being started.
    Starting,
    /// Its process runs.
    Running,
    /// It ended and is started again after a delay.
    Backoff,
    /// It was asked to end.
    Stopping,
    /// It ended and is not started again, as its policy says.
    Exited,
    /// It ended too often, or cannot be started at all.
    Fatal,
    /// Its node is not heard of any more; the registry says so.
    Lost,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Exited,
        Self::Fatal,
        Self::Lost,
    ];

    /// Its name, in capital letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
            Self::Lost => "LOST",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| UnknownState { text: text.to_owned() })
    }
}

/// A text is the name of no [`State`].
///
/// ```
/// let error = "DEAD".parse::<palm_registry::api::State>().unwrap_err();
/// assert_eq!(error.to_string(), "`DEAD` is no state of an instance");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no state of an instance")]
pub struct UnknownState {
    /// The text.
    pub text: String,
}

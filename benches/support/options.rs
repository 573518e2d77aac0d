//! What a benchmark is told on its command line.

use std::str::FromStr;

/// How thoroughly to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Only to see that it works: started by `cargo test`.
    Smoke,
    /// `--quick`: figures to be glanced at.
    Quick,
    Full,
}

#[derive(Debug)]
pub(crate) struct Options {
    words: Vec<String>,
    pub(crate) effort: Effort,
}

impl Options {
    /// `cargo bench` says `--bench`, `cargo test` does not.
    pub(crate) fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let has = |word: &str| words.iter().any(|other| other == word);
        let effort = match (has("--bench"), has("--quick")) {
            (false, _) => Effort::Smoke,
            (true, true) => Effort::Quick,
            (true, false) => Effort::Full,
        };
        Self { words, effort }
    }

    /// The word that follows `--name`.
    pub(crate) fn value<T: FromStr>(&self, name: &str) -> Option<T> {
        let place = self.words.iter().position(|word| word == name)?;
        let Some(value) = self.words.get(place + 1).and_then(|word| word.parse().ok()) else {
            eprintln!("{name} needs a value");
            std::process::exit(2);
        };
        Some(value)
    }

    /// One of three, by the effort.
    pub(crate) fn by_effort<T>(&self, smoke: T, quick: T, full: T) -> T {
        match self.effort {
            Effort::Smoke => smoke,
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }
}

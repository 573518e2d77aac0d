//! `palm cluster logs`.

use std::io::{self, IsTerminal as _, Write as _};
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;
use palm::log::harmless;
use palm_registry::api::LogLine;

use super::path_of;
use crate::access::Access;
use crate::api_client::ApiError;
use crate::failure::Failure;
use crate::output::{note, write};

/// Lines that are asked for at a time: each may be 1 MB.
const PAGE: u32 = 100;

/// How often a log that is followed is asked for more.
const AGAIN: Duration = Duration::from_secs(1);

/// Prints what the components of a cluster have said
///
/// Each line with its time and instance. On a terminal, what would steer it is escaped; elsewhere lines are as they were written.
#[derive(Debug, clap::Args)]
pub(super) struct Logs {
    /// Key of the cluster
    key: String,
    /// Goes on with what comes, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Begins with the last N lines [default: the first one that is kept]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    tail: Option<u32>,
    /// Of this component alone
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// Of this instance alone
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Of this stream alone: STDOUT or STDERR
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// Of this level alone
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// From this time on, as 2026-11-25T15:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    access: Access,
    /// Prints an object a line
    #[arg(long)]
    json: bool,
}

impl Logs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (client, path) = (self.access.client()?, format!("{}/logs", path_of(&self.key)));
        let filters = [
            ("component", &self.component),
            ("instance", &self.instance),
            ("stream", &self.stream),
            ("level", &self.level),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let filters: Vec<_> = filters.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).collect();
        let form = Form { json: self.json, terminal: io::stdout().is_terminal(), zone: TimeZone::system() };
        let (mut after, mut tail) = (0, self.tail);
        let (mut reached, mut away) = (false, false);
        loop {
            // Only the first page is counted from the end.
            let (place, number, limit) = match tail.take() {
                Some(lines) => ("before", i64::MAX, lines),
                None => ("after", after, PAGE),
            };
            let (number, limit) = (number.to_string(), limit.to_string());
            let query = [&filters[..], &[(place, number.as_str()), ("limit", limit.as_str())]].concat();
            let lines: Vec<LogLine> = match client.get(&path, &query) {
                Err(error @ ApiError::Unreachable { .. }) if self.follow && reached => {
                    // Told once; what was missed is read when it is back.
                    if !std::mem::replace(&mut away, true) {
                        note(&format!("{error}; trying again"));
                    }
                    thread::sleep(AGAIN);
                    continue;
                }
                answer => answer?,
            };
            (reached, away) = (true, false);
            let mut text = Vec::new();
            for line in &lines {
                after = after.max(line.id);
                form.put(line, &mut text)?;
            }
            if !write(&text)? {
                return Ok(());
            }
            match (lines.is_empty(), self.follow) {
                (true, true) => thread::sleep(AGAIN),
                (true, false) => return Ok(()),
                (false, _) => {}
            }
        }
    }
}

/// How lines are written.
struct Form {
    json: bool,
    /// Whoever reads them interprets escapes.
    terminal: bool,
    zone: TimeZone,
}

impl Form {
    fn put(&self, line: &LogLine, text: &mut Vec<u8>) -> Result<(), Failure> {
        if self.json {
            serde_json::to_writer(&mut *text, line)
                .map_err(|error| Failure::failed(format!("cannot write a line as JSON: {error}")))?;
            text.push(b'\n');
            return Ok(());
        }
        let who = if line.instance.is_empty() { &line.component } else { &line.instance };
        let at = line.at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
        let (who, said) = match self.terminal {
            true => (harmless(who), harmless(&line.text)),
            false => (who.clone(), line.text.clone()),
        };
        let who = match (who.is_empty(), line.continues) {
            (true, false) => who,
            (false, false) => format!(" [{who}]"),
            (_, true) => format!(" [{who}, goes on in the next]"),
        };
        // A `Vec` takes all that is written to it.
        let _ = writeln!(text, "{at}{who} {said}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(terminal: bool, said: &str) -> String {
        let line = LogLine {
            id: 1,
            at: "2026-11-25T15:00:00.5Z".parse().expect("it is a time"),
            text: said.to_owned(),
            component: "Worker".to_owned(),
            instance: "Worker 1".to_owned(),
            node: String::new(),
            stream: String::new(),
            level: String::new(),
            continues: false,
        };
        let mut text = Vec::new();
        let form = Form { json: false, terminal, zone: TimeZone::UTC };
        form.put(&line, &mut text).expect("it is written");
        String::from_utf8(text).expect("it is text")
    }

    #[test]
    fn a_terminal_gets_no_escapes_and_a_pipe_gets_everything() {
        let said = "\u{1b}[2J<b>\0\u{202e}é";
        assert_eq!(put(false, said), format!("2026-11-25 15:00:00,500 [Worker 1] {said}\n"));
        assert_eq!(put(true, said), "2026-11-25 15:00:00,500 [Worker 1] \\u{1b}[2J<b>\\u{0}\\u{202e}é\n");
    }
}

//! The log of a cluster, a screen at a time, the newest first shown.

use askama::Template;
use axum::extract::State;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::app::Shared;
use super::super::arguments::Arguments;
use super::super::legacy::parse_time;
use super::page::{Answer, escaped, render};
use super::session::SignedIn;
use super::text::visible;
use crate::api::LogLine;
use crate::store::{LineFilter, PAGE_BYTES, Session};

/// Lines on a page.
const LINES: i64 = 500;

#[derive(Template)]
#[template(path = "logs.html")]
struct Log<'a> {
    session: &'a Session,
    key: &'a str,
    component: &'a str,
    instance: &'a str,
    stream: &'a str,
    lines: Vec<LogLine>,
    older: Option<String>,
    newer: Option<String>,
}

/// Always as long, so that lines stand below each other.
fn stamp(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

pub(super) async fn show(State(app): State<Shared>, SignedIn(session): SignedIn, arguments: Arguments) -> Answer {
    let zone = TimeZone::system();
    let bound = |name: &str| {
        arguments.get(name).filter(|text| !text.is_empty()).map(|text| parse_time(name, text, &zone)).transpose()
    };
    let (component, instance, stream) =
        (arguments.text("component"), arguments.text("instance"), arguments.text("stream"));
    let after: Option<i64> = arguments.number("after")?;
    let filter = LineFilter {
        after: after.unwrap_or(0),
        before: if after.is_some() { None } else { Some(arguments.number("before")?.unwrap_or(i64::MAX)) },
        component: component.to_owned(),
        instance: instance.to_owned(),
        stream: stream.to_owned(),
        // As old clients have it, both are exclusive.
        from: bound("fr")?.map_or(i64::MIN, |at| at.saturating_add(1)),
        to: bound("to")?.unwrap_or(i64::MAX),
        limit: LINES,
        ..LineFilter::default()
    };
    let cluster = app.store.cluster_of(arguments.required("cluster")?, &session.user).await?;
    let lines = app.store.lines(cluster.id, &filter).await?;
    let mut rest = format!("/view_logs?cluster={}", escaped(&cluster.key));
    for name in ["component", "instance", "stream", "fr", "to"] {
        if let Some(value) = arguments.get(name).filter(|value| !value.is_empty()) {
            rest.push_str(&format!("&{name}={}", escaped(value)));
        }
    }
    let full = lines.len() as i64 == LINES || lines.iter().map(|line| line.text.len()).sum::<usize>() >= PAGE_BYTES;
    let older = lines.first().filter(|_| full || after.is_some()).map(|line| format!("{rest}&before={}", line.id));
    let newer =
        lines.last().filter(|_| filter.before != Some(i64::MAX)).map(|line| format!("{rest}&after={}", line.id));
    render(&Log { session: &session, key: &cluster.key, component, instance, stream, lines, older, newer })
}

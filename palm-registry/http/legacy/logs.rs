//! `/logs`: what components said, in and out.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::try_unfold;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::super::Refusal;
use super::super::app::Shared;
use super::super::arguments::Arguments;
use super::super::body::Raw;
use super::{json, messages, times};
use crate::store::StoreError;

/// Lines that are read from the store at once.
const PAGE: i64 = 1_000;

#[derive(Serialize)]
struct Line<'a> {
    when: String,
    text: &'a str,
}

/// Takes a batch of lines. The body is a message and nothing else, whatever its type is called.
pub(super) async fn write(
    State(app): State<Shared>,
    headers: HeaderMap,
    arguments: Arguments,
    Raw(body): Raw,
) -> Result<Response, Refusal> {
    let key = arguments.required("cluster")?;
    app.runner(&headers, key).await?;
    let lines = messages::parse(body)?;
    app.store.append(key, &lines, Timestamp::now()).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], "").into_response())
}

/// All lines between two times, in the order in which they came in.
pub(super) async fn read(
    State(app): State<Shared>,
    headers: HeaderMap,
    arguments: Arguments,
) -> Result<Response, Refusal> {
    let key = arguments.required("cluster")?;
    let zone = TimeZone::system();
    let bound = |name, default| match arguments.get(name) {
        Some(text) => times::parse(name, text, &zone),
        None => Ok(default),
    };
    let between = (bound("fr", i64::MIN)?, bound("to", i64::MAX)?);
    app.runner(&headers, key).await?;
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    let cluster = match app.store.cluster(key).await {
        Err(StoreError::NoCluster) => return Ok((content_type, "[]").into_response()),
        cluster => cluster?.id,
    };
    let tag = app.store.arrivals_tag(cluster, between).await?;
    // Page by page: nothing is kept in memory but what is being sent.
    let pages = try_unfold(Some(0), move |after| {
        let (app, zone) = (app.clone(), zone.clone());
        async move {
            let Some(after) = after else { return Ok(None) };
            let lines = app.store.arrivals(cluster, between, after, PAGE).await?;
            let next = lines.last().map(|(id, _, _)| *id);
            let mut text = String::new();
            for (index, (_, at, line)) in lines.iter().enumerate() {
                text.push_str(if after == 0 && index == 0 { "[" } else { ", " });
                text.push_str(&json::text(&Line { when: times::naive(*at, &zone), text: line }));
            }
            if after == 0 && lines.is_empty() {
                text.push('[');
            }
            if next.is_none() {
                text.push(']');
            }
            Ok::<_, StoreError>(Some((Bytes::from(text), next)))
        }
    });
    Ok((content_type, [(header::ETAG, tag)], Body::from_stream(pages)).into_response())
}

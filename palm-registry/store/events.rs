//! What happened to a cluster.

use jiff::Timestamp;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, Writing, micros, text_or_null, timestamp};
use crate::api::{Event, State};

/// An event to be kept.
#[derive(Clone, Debug)]
pub(super) struct Happening<'a> {
    pub(super) kind: &'static str,
    pub(super) at: Timestamp,
    pub(super) instance: Option<&'a str>,
    pub(super) component: Option<&'a str>,
    pub(super) node: Option<Uuid>,
    pub(super) from: Option<State>,
    pub(super) to: Option<State>,
    pub(super) reason: Option<&'a str>,
    pub(super) exit_code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) user: Option<&'a str>,
}

impl Happening<'_> {
    pub(super) const fn new(kind: &'static str, at: Timestamp) -> Self {
        Self {
            kind,
            at,
            instance: None,
            component: None,
            node: None,
            from: None,
            to: None,
            reason: None,
            exit_code: None,
            signal: None,
            user: None,
        }
    }
}

/// Which events are asked for.
#[derive(Clone, Debug)]
pub(crate) struct EventFilter {
    pub(crate) after: i64,
    /// The last ones before this number, instead of the first ones.
    pub(crate) before: Option<i64>,
    pub(crate) kind: String,
    pub(crate) instance: String,
    pub(crate) limit: i64,
}

#[derive(FromRow)]
struct EventRow {
    id: i64,
    at: i64,
    kind: String,
    instance: Option<String>,
    component: Option<String>,
    node: Option<String>,
    from_state: Option<String>,
    to_state: Option<String>,
    reason: Option<String>,
    exit_code: Option<i64>,
    signal: Option<i64>,
    user_name: Option<String>,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        let state = |text: Option<String>| text.and_then(|text| text.parse().ok());
        let number = |number: Option<i64>| number.and_then(|number| i32::try_from(number).ok());
        Self {
            id: row.id,
            at: timestamp(row.at),
            kind: row.kind,
            instance: row.instance,
            component: row.component,
            node: row.node.and_then(|id| id.parse().ok()),
            from: state(row.from_state),
            to: state(row.to_state),
            reason: row.reason,
            exit_code: number(row.exit_code),
            signal: number(row.signal),
            user: row.user_name,
        }
    }
}

impl Store {
    /// Events in order.
    pub(crate) async fn events(&self, cluster: i64, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        let (query, bound) = match filter.before {
            None => (
                "SELECT * FROM events WHERE cluster_id = $1 AND id > $2 AND ($3 = '' OR kind = $3) \
                 AND ($4 = '' OR instance = $4) ORDER BY id LIMIT $5",
                filter.after,
            ),
            Some(before) => (
                "SELECT * FROM events WHERE cluster_id = $1 AND id < $2 AND ($3 = '' OR kind = $3) \
                 AND ($4 = '' OR instance = $4) ORDER BY id DESC LIMIT $5",
                before,
            ),
        };
        let mut rows: Vec<EventRow> = sqlx::query_as(query)
            .bind(cluster)
            .bind(bound)
            .bind(super::text(&filter.kind).into_owned())
            .bind(super::text(&filter.instance).into_owned())
            .bind(filter.limit)
            .fetch_all(&self.pool)
            .await?;
        if filter.before.is_some() {
            rows.reverse();
        }
        Ok(rows.into_iter().map(Event::from).collect())
    }
}

impl Writing {
    /// Keeps an event; one that was kept before is not kept twice.
    pub(super) async fn happened(&mut self, cluster: i64, event: &Happening<'_>) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO events (cluster_id, at, kind, instance, component, node, from_state, to_state, reason, exit_code, signal, \
             user_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
        )
        .bind(cluster)
        .bind(micros(event.at))
        .bind(event.kind)
        .bind(text_or_null(event.instance))
        .bind(text_or_null(event.component))
        .bind(event.node.map(|id| id.to_string()))
        .bind(event.from.map(State::name))
        .bind(event.to.map(State::name))
        .bind(text_or_null(event.reason))
        .bind(event.exit_code.map(i64::from))
        .bind(event.signal.map(i64::from))
        .bind(text_or_null(event.user))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}

//! Log lines.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, FromRow};

use super::events::Happening;
use super::{Store, StoreError, Writing, count, micros, text, timestamp};
use crate::api::LogLine;
use crate::logs::LogOrigin;

/// Bytes of lines that are read at once, but for the last line.
pub(crate) const PAGE_BYTES: usize = 16 << 20;

/// Lines that go into the database by one statement.
const AT_ONCE: usize = 50;

/// A line as it came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct WrittenLine {
    pub(crate) text: String,
    pub(crate) origin: LogOrigin,
}

/// Which lines are asked for.
#[derive(Clone, Debug)]
pub(crate) struct LineFilter {
    pub(crate) after: i64,
    /// The last ones before this number, instead of the first ones.
    pub(crate) before: Option<i64>,
    pub(crate) component: String,
    pub(crate) instance: String,
    pub(crate) node: String,
    pub(crate) stream: String,
    pub(crate) level: String,
    /// Written at this time or later, in microseconds.
    pub(crate) from: i64,
    /// Written before this time.
    pub(crate) to: i64,
    pub(crate) limit: i64,
}

impl Default for LineFilter {
    fn default() -> Self {
        Self {
            after: 0,
            before: None,
            component: String::new(),
            instance: String::new(),
            node: String::new(),
            stream: String::new(),
            level: String::new(),
            from: i64::MIN,
            to: i64::MAX,
            limit: 1_000,
        }
    }
}

#[derive(FromRow)]
struct LineRow {
    id: i64,
    at: i64,
    text: Vec<u8>,
    component: String,
    instance: String,
    node: String,
    stream: String,
    level: String,
    continues: i64,
}

impl From<LineRow> for LogLine {
    fn from(row: LineRow) -> Self {
        Self {
            id: row.id,
            at: timestamp(row.at),
            text: lossy(row.text),
            component: row.component,
            instance: row.instance,
            node: row.node,
            stream: row.stream,
            level: row.level,
            continues: row.continues != 0,
        }
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl Store {
    /// Keeps lines in their order; those with a number that their node sent before are not kept twice.
    pub(crate) async fn append(&self, key: &str, lines: &[WrittenLine], now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let cluster = writing.lock(key).await?;
        let mut received = micros(now).max(cluster.last_line + 1);
        let mut bytes = 0;
        for chunk in lines.chunks(AT_ONCE) {
            bytes += writing.insert_lines(cluster.id, chunk, received).await?;
            received += count(chunk.len() as u64);
        }
        let bytes = cluster.log_bytes + bytes;
        sqlx::query("UPDATE clusters SET last_line = $1, log_bytes = $2 WHERE id = $3")
            .bind(received - 1)
            .bind(bytes)
            .bind(cluster.id)
            .execute(&mut *writing.transaction)
            .await?;
        if bytes > count(self.limits.log_bytes) {
            writing.trim_lines(cluster.id, key, bytes, self.limits.log_bytes, now).await?;
        }
        writing.commit().await
    }

    /// Lines in their order, oldest first. There are fewer than the limit if they come to more than [`PAGE_BYTES`].
    pub(crate) async fn lines(&self, cluster: i64, filter: &LineFilter) -> Result<Vec<LogLine>, StoreError> {
        let (is_beyond, order, bound) = match filter.before {
            None => (">", "", filter.after),
            Some(before) => ("<", " DESC", before),
        };
        let statement = page(
            "id, at, text, component, instance, node, stream, level, continues",
            &format!(
                "id {is_beyond} $2 AND ($3 = '' OR component = $3) AND ($4 = '' OR instance = $4) AND ($5 = '' OR node = $5) \
                 AND ($6 = '' OR stream = $6) AND ($7 = '' OR level = $7) AND at >= $8 AND at < $9"
            ),
            order,
            10,
        );
        let mut query = sqlx::query_as::<_, LineRow>(AssertSqlSafe(statement)).bind(cluster).bind(bound);
        for value in [&filter.component, &filter.instance, &filter.node, &filter.stream, &filter.level] {
            query = query.bind(text(value).into_owned());
        }
        let mut rows = query.bind(filter.from).bind(filter.to).bind(filter.limit).fetch_all(&self.pool).await?;
        if filter.before.is_some() {
            rows.reverse();
        }
        Ok(rows.into_iter().map(LogLine::from).collect())
    }

    /// Number, time of arrival and text of lines that came in after `from` and before `to`, both exclusive; those after `after`. There are
    /// fewer than the limit if they come to more than [`PAGE_BYTES`], and none only if none follow.
    pub(crate) async fn arrivals(
        &self,
        cluster: i64,
        (from, to): (i64, i64),
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, Timestamp, String)>, StoreError> {
        let statement = page("id, received, text", "received > $2 AND received < $3 AND id > $4", "", 5);
        let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(statement))
            .bind(cluster)
            .bind(from)
            .bind(to)
            .bind(after)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|(id, at, text)| (id, timestamp(at), lossy(text))).collect())
    }

    /// Is another one when they are others: they come at the end, and go from the beginning.
    pub(crate) async fn arrivals_tag(&self, cluster: i64, (from, to): (i64, i64)) -> Result<String, StoreError> {
        let mut ends = [0; 2];
        for (end, order) in ends.iter_mut().zip(["", " DESC"]) {
            let statement = format!(
                "SELECT id FROM logs WHERE cluster_id = $1 AND received > $2 AND received < $3 ORDER BY id{order} LIMIT 1"
            );
            let found: Option<(i64,)> = sqlx::query_as(AssertSqlSafe(statement))
                .bind(cluster)
                .bind(from)
                .bind(to)
                .fetch_optional(&self.pool)
                .await?;
            *end = found.map_or(0, |(id,)| id);
        }
        let [first, last] = ends;
        Ok(format!("\"{cluster}-{first}-{last}\""))
    }
}

impl Writing {
    /// Gives the bytes that were kept.
    async fn insert_lines(&mut self, cluster: i64, lines: &[WrittenLine], first: i64) -> Result<i64, StoreError> {
        let mut insert = sqlx::query_as::<_, (i64,)>(AssertSqlSafe(insertion(lines.len())));
        for (line, received) in lines.iter().zip(first..) {
            let origin = &line.origin;
            let at = if origin.at_micros == 0 { received } else { origin.at_micros };
            let sequence = i64::try_from(origin.sequence).ok().filter(|number| *number > 0 && !origin.node.is_empty());
            insert = insert.bind(cluster).bind(received).bind(at);
            let stream = if origin.stream == 0 { "" } else { origin.stream().as_str_name() };
            for value in [&origin.component, &origin.instance, &origin.node] {
                insert = insert.bind(text(value).into_owned());
            }
            insert = insert
                .bind(stream)
                .bind(text(&origin.level).into_owned())
                .bind(sequence)
                .bind(line.text.as_bytes().to_vec())
                .bind(count(line.text.len() as u64))
                .bind(i64::from(origin.continues));
        }
        let kept = insert.fetch_all(&mut *self.transaction).await?;
        Ok(kept.into_iter().map(|(size,)| size).sum())
    }

    /// Deletes the oldest lines until a tenth of the room is free, so that not each batch deletes some.
    pub(super) async fn trim_lines(
        &mut self,
        cluster: i64,
        key: &str,
        mut bytes: i64,
        limit: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let wanted = count(limit / 10 * 9);
        let mut deleted = 0_u64;
        while bytes > wanted {
            let oldest: Vec<(i64, i64)> =
                sqlx::query_as("SELECT id, size FROM logs WHERE cluster_id = $1 ORDER BY id LIMIT 1000")
                    .bind(cluster)
                    .fetch_all(&mut *self.transaction)
                    .await?;
            let mut last = None;
            for (id, size) in oldest {
                if bytes <= wanted {
                    break;
                }
                bytes -= size;
                last = Some(id);
            }
            let Some(last) = last else { break };
            deleted += sqlx::query("DELETE FROM logs WHERE cluster_id = $1 AND id <= $2")
                .bind(cluster)
                .bind(last)
                .execute(&mut *self.transaction)
                .await?
                .rows_affected();
        }
        sqlx::query("UPDATE clusters SET log_bytes = $1 WHERE id = $2")
            .bind(bytes.max(0))
            .bind(cluster)
            .execute(&mut *self.transaction)
            .await?;
        let reason = format!("the {deleted} oldest log lines were deleted, since {limit} bytes are kept");
        tracing::warn!(cluster = key, deleted, limit, "the oldest log lines were deleted");
        self.happened(cluster, &Happening { reason: Some(&reason), ..Happening::new("trimmed", now) }).await
    }
}

/// The statement for the first lines in an order, as many as its last parameter says, and up to where they have [`PAGE_BYTES`].
/// Nothing in it comes from elsewhere.
fn page(columns: &str, condition: &str, order: &str, limit: u32) -> String {
    format!(
        "SELECT {columns} FROM logs WHERE id IN (SELECT id FROM (SELECT id, SUM(size) OVER (ORDER BY id{order} ROWS UNBOUNDED \
         PRECEDING) - size AS ahead FROM (SELECT id, size FROM logs WHERE cluster_id = $1 AND {condition} ORDER BY id{order} \
         LIMIT ${limit}) AS first) AS sums WHERE ahead < {PAGE_BYTES}) ORDER BY id{order}"
    )
}

/// The statement for so many lines: nothing in it but numbers of parameters.
fn insertion(lines: usize) -> String {
    const COLUMNS: usize = 12;
    let rows: Vec<String> = (0..lines)
        .map(|line| {
            let parameters: Vec<String> = (1..=COLUMNS).map(|column| format!("${}", line * COLUMNS + column)).collect();
            format!("({})", parameters.join(", "))
        })
        .collect();
    format!(
        "INSERT INTO logs (cluster_id, received, at, component, instance, node, stream, level, sequence, text, size, continues) VALUES {} \
         ON CONFLICT DO NOTHING RETURNING size",
        rows.join(", ")
    )
}

//! What the registry keeps, in SQLite or PostgreSQL by one dialect of SQL.
//!
//! Each transaction that changes a cluster begins with an update of its row: that is the lock, in both databases.

mod accounts;
mod audit;
mod clusters;
mod error;
mod events;
mod limits;
mod lines;
mod metrics;
mod nodes;
mod placing;
mod reports;
mod retention;
mod secrets;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, Connection, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub(crate) use accounts::{NewUser, Session, User};
pub(crate) use audit::Deed;
pub(crate) use clusters::ClusterRow;
pub(crate) use error::StoreError;
pub(crate) use events::EventFilter;
pub use limits::Limits;
pub(crate) use lines::{LineFilter, PAGE_BYTES, WrittenLine};
pub(crate) use metrics::MetricFilter;
pub(crate) use secrets::{Holder, KeptSecret};

/// Connections to the database.
const CONNECTIONS: u32 = 8;
/// How long a request waits for one of them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that outlives the process.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: AnyPool,
    /// SQLite has one writer at a time, and lets those who wait try again without an order: they queue here instead.
    turn: Option<Arc<Mutex<()>>>,
    pub(crate) limits: Limits,
}

/// A transaction that changes something.
pub(super) struct Writing {
    // Dropped, that is rolled back, before the turn goes to the next.
    transaction: Transaction<'static, Any>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Store {
    /// Opens a database and brings its tables to this version: a `postgres://` URL, or the path of an SQLite file, which is made if
    /// there is none.
    pub(crate) async fn open(database: &str, limits: Limits) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let postgres = is_postgres(database);
        let url = if postgres { database.to_owned() } else { sqlite_url(Path::new(database))? };
        let options: AnyConnectOptions = url.parse().map_err(StoreError::Open)?;
        // A pool tries for a long time, and in silence, what cannot be.
        AnyConnection::connect_with(&options)
            .await
            .map_err(StoreError::Open)?
            .close()
            .await
            .map_err(StoreError::Open)?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await
            .map_err(StoreError::Open)?;
        if postgres {
            sqlx::migrate!("migrations/postgres").run(&pool).await?;
        } else {
            // Readers and the writer do not wait for each other. The file remembers it.
            sqlx::query("PRAGMA journal_mode = WAL").execute(&pool).await.map_err(StoreError::Open)?;
            sqlx::migrate!("migrations/sqlite").run(&pool).await?;
        }
        Ok(Self { pool, turn: (!postgres).then(Arc::default), limits })
    }

    /// Whether the database answers.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT COUNT(*) FROM users").fetch_one(&self.pool).await?;
        Ok(())
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    pub(super) async fn write(&self) -> Result<Writing, StoreError> {
        let turn = match &self.turn {
            Some(turn) => Some(turn.clone().lock_owned().await),
            None => None,
        };
        Ok(Writing { transaction: self.pool.begin().await?, _turn: turn })
    }
}

impl Writing {
    async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

pub(crate) fn is_postgres(database: &str) -> bool {
    database.starts_with("postgres://") || database.starts_with("postgresql://")
}

/// The file is made here, readable by its owner only: it holds what lets people in.
fn sqlite_url(path: &Path) -> Result<String, StoreError> {
    let cannot = |source| StoreError::File { path: path.to_owned(), source };
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(cannot)?;
    let path = std::path::absolute(path).map_err(cannot)?;
    let text = path.to_str().ok_or_else(|| cannot(std::io::ErrorKind::InvalidFilename.into()))?;
    Ok(format!("sqlite://{}", text.replace('%', "%25").replace('?', "%3F").replace('#', "%23")))
}

/// Text as both databases take it: PostgreSQL has no NUL in it.
fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

fn text_or_null(text: Option<&str>) -> Option<String> {
    text.map(|some| self::text(some).into_owned())
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// As many as a column of the database holds.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

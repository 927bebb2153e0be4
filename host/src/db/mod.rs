//! The database: connections, transactions, and every SQL statement of the host.
//!
//! One text serves SQLite and PostgreSQL; where the two must differ, both texts stand side by side in a
//! [`Dialects`].
//!
//! Conventions: functions take `(tx, organization, …)` in this order, times and ids are arguments,
//! "not found" is `Ok(None)`, many rows are one JSON parameter, and a transaction is never open while a
//! component or a remote endpoint runs.

use std::{future::Future, path::PathBuf, str::FromStr, time::Duration};

use sqlx::{
    Connection, PgPool, Postgres, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::timeout;

use crate::{error::Result, fail};

pub mod api_key;
pub mod component;
pub mod delivery;
pub mod emit;
pub mod event_log;
pub mod federation;
pub mod idempotency;
pub mod listing;
pub mod migrate;
pub mod organization;
pub mod program;
pub mod receiver;
pub mod registration;
pub mod replay;
pub mod retention;
pub mod root_key;
pub mod subscription;

mod checkpoint;
mod codec;
mod fault;
mod files;
mod insert;
mod page;
mod sqlite_tx;
#[cfg(test)]
mod testing;

pub use fault::{from_sqlx, is_unique_violation};
pub use files::open_private;
pub use page::Part;
pub use sqlite_tx::SqliteTx;

/// Connections that read while the one writer writes (SQLite), or all connections (PostgreSQL).
const CONNECTIONS_MAX: u32 = 16;
/// How long a statement may wait for a connection, or on SQLite for the lock, before it is `unavailable`.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// What each session on PostgreSQL asks of its server, in milliseconds if they are times. Together with the wait
/// for a connection a request ends within the ten seconds that clients wait. A host that stops within a
/// transaction, or is cut off, loses it before the others give up waiting for its locks.
const POSTGRES_SESSION: [(&str, u32); 7] = [
    ("idle_in_transaction_session_timeout", 3_000),
    ("lock_timeout", 3_500),
    ("statement_timeout", 4_000),
    // A host that is gone acknowledges nothing.
    ("tcp_user_timeout", 4_000),
    // In seconds: one without a statement under way is noticed as well.
    ("tcp_keepalives_idle", 10),
    ("tcp_keepalives_interval", 5),
    ("tcp_keepalives_count", 3),
];
/// How long the server may be silent about a statement before it is given up: longer than it lets one take.
const ANSWER_MAX: Duration = Duration::from_millis(4_500);
/// Rows that SQLite's thread hands over before it waits until they are taken: more than a statement
/// of the ledger gives, so that the two threads do not take turns.
const ROWS_BUFFERED: usize = 1_024;
/// Statements kept prepared on each connection: more than this host has.
const STATEMENTS_CACHED: usize = 256;
/// Cache of each connection: negative is KiB. The system caches the pages that do not fit. After a page
/// was split a commit searches the whole cache: with one four times as large it took half as long again.
const CACHE_KIB: &str = "-16384";
/// Pages of the write-ahead log, 64 MiB, from which on the writer itself moves pages into the database
/// file that `checkpoint` has not moved yet: under load without a pause only this lets the log start
/// again from its beginning.
const CHECKPOINT_PAGES: &str = "16384";

/// The address of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file of the embedded database.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Box<str>),
}

impl FromStr for Location {
    type Err = String;

    /// `sqlite:PATH` or `postgres://…`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path == ":memory:" {
                return Err("sqlite: needs the path of a file, because what is accepted must be kept".to_owned());
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            PgConnectOptions::from_str(text).map_err(|cause| format!("not a PostgreSQL URL: {cause}"))?;
            return Ok(Self::Postgres(text.into()));
        }
        Err("a database is sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME".to_owned())
    }
}

/// The connections to the database. Cheap to clone.
#[derive(Clone)]
pub struct Db(Pools);

#[derive(Clone)]
enum Pools {
    /// SQLite has one writer at a time; a pool of one connection makes waiting for it a queue and not a
    /// busy loop.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        checkpoints: SqlitePool,
    },
    Postgres(PgPool),
}

/// An open transaction. Dropping it without [`Tx::commit`] rolls it back.
pub enum Tx {
    Sqlite(SqliteTx),
    Postgres(Transaction<'static, Postgres>),
}

/// A statement whose text differs between the databases.
pub(crate) struct Dialects {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Dialects {
    /// The text for the transaction's database.
    pub(crate) fn pick(&self, tx: &Tx) -> &'static str {
        match tx {
            Tx::Sqlite(_) => self.sqlite,
            Tx::Postgres(_) => self.postgres,
        }
    }
}

/// A statement over the rows of a JSON array in `$1`: the text before and after the table
/// function that unfolds it. Each row is `item.value`, in SQLite in its binary form, which is not parsed
/// again for each column.
macro_rules! over_rows {
    ($head:expr, $tail:expr) => {
        $crate::db::Dialects {
            sqlite: concat!($head, " jsonb_each($1) as item ", $tail),
            postgres: concat!($head, " jsonb_array_elements(cast($1 as jsonb)) as item(value) ", $tail),
        }
    };
}
pub(crate) use over_rows;

/// Runs one expression with `$conn` bound to the connection of either database.
macro_rules! on_db {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => {
                tx.statement_begins();
                let $conn = &mut **tx;
                let done = $body;
                tx.statement_ends();
                done
            }
            $crate::db::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $crate::db::answered(async { $body }).await
            }
        }
        .map_err($crate::db::from_sqlx)
    };
}
pub(crate) use on_db;

/// What the server answers to a statement, or a failure when it is silent: stopped, or cut off.
pub(crate) async fn answered<T>(statement: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    // Of the failures of sqlx this one says that nothing came in time.
    timeout(ANSWER_MAX, statement).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

impl Db {
    /// Opens the database, creating an SQLite file that does not exist yet. No migrations run.
    pub async fn connect(location: &Location) -> Result<Self> {
        match location {
            Location::Sqlite(path) => Self::connect_sqlite(path).await,
            Location::Postgres(url) => Self::connect_postgres(url).await,
        }
    }

    async fn connect_sqlite(path: &std::path::Path) -> Result<Self> {
        files::keep_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // `begin_unsynced` sets another level for its transaction.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(WAIT_MAX)
            .statement_cache_capacity(STATEMENTS_CACHED)
            .row_buffer_size(ROWS_BUFFERED)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("cache_size", CACHE_KIB)
            .pragma("temp_store", "memory");
        let pool = |connections: u32| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(WAIT_MAX)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                // After an I/O error SQLite ends a transaction by itself, and sqlx does not know it: such a
                // connection is replaced.
                .before_acquire(|connection, _| {
                    let is_sound = !connection.is_in_transaction();
                    Box::pin(async move { Ok(is_sound) })
                })
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(from_sqlx)?;
        let checkpoints = pool(1).connect_lazy_with(options.clone());
        tokio::spawn(checkpoint::run(checkpoints.clone()));
        let readers = pool(CONNECTIONS_MAX).connect_lazy_with(options.read_only(true).create_if_missing(false));
        Ok(Self(Pools::Sqlite { writer, readers, checkpoints }))
    }

    async fn connect_postgres(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(from_sqlx)?
            .application_name("weir")
            .options(POSTGRES_SESSION)
            .statement_cache_capacity(STATEMENTS_CACHED);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(WAIT_MAX)
            .connect_with(options)
            .await
            .map_err(from_sqlx)?;
        Ok(Self(Pools::Postgres(pool)))
    }

    /// Begins a transaction that writes, and that survives power loss once it is committed. On SQLite it
    /// holds the write lock from the start, so that no row changes between its reads and its writes.
    pub async fn begin(&self) -> Result<Tx> {
        match &self.0 {
            Pools::Sqlite { writer, .. } => writer
                .begin_with("pragma synchronous = full; begin immediate")
                .await
                .map(SqliteTx::writing)
                .map(Tx::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Tx::Postgres),
        }
        .map_err(from_sqlx)
    }

    /// Begins a transaction that writes, and whose commit does not wait for the disk: after a power loss (on
    /// PostgreSQL also after a crash of the server) the last of these transactions may be lost, but never one
    /// without all that were committed after it. The commit of a transaction of [`Self::begin`] makes all
    /// earlier ones permanent. It is for work of which no client was told, and which is done again if it is
    /// lost, because the tables then show that it is still to do.
    pub async fn begin_unsynced(&self) -> Result<Tx> {
        match &self.0 {
            Pools::Sqlite { writer, .. } => writer
                .begin_with("pragma synchronous = normal; begin immediate")
                .await
                .map(SqliteTx::writing)
                .map(Tx::Sqlite),
            Pools::Postgres(pool) => {
                pool.begin_with("begin; set local synchronous_commit = off").await.map(Tx::Postgres)
            }
        }
        .map_err(from_sqlx)
    }

    /// Begins a transaction that only reads, and never waits for a writer. Its statements have a time limit.
    pub async fn read(&self) -> Result<Tx> {
        match &self.0 {
            Pools::Sqlite { readers, .. } => SqliteTx::begin_reading(readers).await.map(Tx::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Tx::Postgres),
        }
        .map_err(from_sqlx)
    }

    /// `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        match &self.0 {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres(_) => "postgres",
        }
    }

    /// Whether this process is the only one that uses the database: an SQLite file has one owner.
    pub fn is_owned(&self) -> bool {
        matches!(self.0, Pools::Sqlite { .. })
    }

    /// Closes all connections; SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Sqlite { writer, readers, checkpoints } => {
                checkpoints.close().await;
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes the transaction's work permanent: when this returns it survives power loss.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => answered(tx.commit()).await,
        }
        .map_err(from_sqlx)
    }
}

/// Fails unless a statement changed exactly one row: another number is a bug or a lost race.
pub(crate) fn one_row(touched: u64, what: &str) -> Result<()> {
    if touched == 1 { Ok(()) } else { Err(fail!(InternalError, "{what}: {touched} rows were changed instead of one")) }
}

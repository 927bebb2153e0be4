//! A transaction on SQLite, whose statements have a time limit if it only reads: SQLite has no such setting
//! itself, and asks a handler every so many instructions whether to go on.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::domain::limits::READ_STATEMENT_MS_MAX;

/// Instructions of SQLite's machine between two looks at the clock: some tenths of a millisecond.
const INSTRUCTIONS_BETWEEN_LOOKS: i32 = 10_000;

/// An open transaction on SQLite.
pub struct SqliteTx {
    tx: Transaction<'static, Sqlite>,
    /// `None` for one that writes: what waits for the disk is no instruction, and a commit has to end.
    timer: Option<Timer>,
}

/// Ends statements that take too long.
struct Timer {
    statement_max: Duration,
    /// When the statement that runs is ended; `None` between statements.
    ends_at: Arc<Mutex<Option<Instant>>>,
}

impl SqliteTx {
    /// A transaction that writes.
    pub(super) fn writing(tx: Transaction<'static, Sqlite>) -> Self {
        Self { tx, timer: None }
    }

    /// Begins a transaction that reads. A statement of it that takes longer than [`READ_STATEMENT_MS_MAX`] fails,
    /// even when the caller has stopped waiting for it.
    pub(super) async fn begin_reading(readers: &SqlitePool) -> Result<Self, sqlx::Error> {
        let mut tx = readers.begin().await?;
        let ends_at = Arc::<Mutex<Option<Instant>>>::default();
        let asked = ends_at.clone();
        // This replaces the handler of the connection's last transaction.
        tx.lock_handle().await?.set_progress_handler(INSTRUCTIONS_BETWEEN_LOOKS, move || {
            asked.lock().is_none_or(|ends_at| Instant::now() < ends_at)
        });
        let timer = Timer { statement_max: Duration::from_millis(READ_STATEMENT_MS_MAX), ends_at };
        Ok(Self { tx, timer: Some(timer) })
    }

    /// Begins to measure a statement.
    pub(super) fn statement_begins(&self) {
        if let Some(timer) = &self.timer {
            *timer.ends_at.lock() = Some(Instant::now() + timer.statement_max);
        }
    }

    /// Ends what [`Self::statement_begins`] began. A statement whose caller stopped waiting is measured further.
    pub(super) fn statement_ends(&self) {
        if let Some(timer) = &self.timer {
            *timer.ends_at.lock() = None;
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.tx.commit().await
    }
}

impl Deref for SqliteTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.tx
    }
}

impl DerefMut for SqliteTx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::{
        db::{CONNECTIONS_MAX, Db, Tx, on_db, testing::TestFile},
        error::{Code, Result},
    };

    /// A statement that never ends by itself.
    const ENDLESS: &str = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n";

    async fn run(tx: &mut Tx, sql: &'static str) -> Result<i64> {
        on_db!(tx, |conn| sqlx::query_scalar(sql).fetch_one(conn).await)
    }

    /// A transaction that reads, with another limit for its statements than the host's.
    async fn reading(db: &Db, statement_max: Duration) -> Tx {
        let mut tx = db.read().await.expect("a connection is free");
        let Tx::Sqlite(SqliteTx { timer: Some(timer), .. }) = &mut tx else { unreachable!("it reads SQLite") };
        assert_eq!(timer.statement_max, Duration::from_millis(READ_STATEMENT_MS_MAX));
        timer.statement_max = statement_max;
        tx
    }

    #[tokio::test]
    async fn read_statement_ms_max() {
        let test = TestFile::create("read_statement_ms_max").await;
        let mut tx = reading(&test.db, Duration::from_millis(50)).await;
        let began = Instant::now();
        let error = run(&mut tx, ENDLESS).await.expect_err("it takes too long");
        assert_eq!((error.code(), error.retry_after_s()), (Code::Unavailable, Some(1)));
        assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
        // The transaction goes on, its next statement has the whole time, and the connection serves the next one.
        assert_eq!(run(&mut tx, "select 1").await.expect("it is quick"), 1);
        drop(tx);
        let mut tx = reading(&test.db, Duration::from_millis(50)).await;
        assert_eq!(run(&mut tx, "select 2").await.expect("it is quick"), 2);
        drop(tx);
        test.db.close().await;
    }

    #[tokio::test]
    async fn a_statement_is_ended_in_time_although_its_caller_stopped_waiting() {
        let test = TestFile::create("a_statement_is_ended_in_time").await;
        // As many as there are connections, so that another transaction needs one of theirs.
        for _ in 0..CONNECTIONS_MAX {
            let mut tx = reading(&test.db, Duration::from_millis(200)).await;
            let begun = async { timeout(Duration::from_millis(20), run(&mut tx, ENDLESS)).await.is_err() };
            assert!(begun.await, "it is under way");
        }
        let mut tx = reading(&test.db, Duration::from_millis(200)).await;
        assert_eq!(run(&mut tx, "select 1").await.expect("a connection is free again"), 1);
        drop(tx);
        test.db.close().await;
    }
}

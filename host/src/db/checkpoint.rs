//! Checkpoints: moves SQLite's write-ahead log into the database file, beside the writer.
//!
//! By default SQLite does that within the commit that makes the log too long, which then waits for some
//! thousand pages. A passive checkpoint on a connection of its own neither waits for the writer nor
//! blocks it, and leaves it fewer pages to move.

use std::time::Duration;

use sqlx::SqlitePool;

/// The pause between two checkpoints: a few hundred events at full load.
const INTERVAL: Duration = Duration::from_millis(50);
/// The pause while nothing is written.
const IDLE_INTERVAL: Duration = Duration::from_millis(500);

/// The row that a checkpoint returns: whether another connection blocked it, the pages of the log, and how
/// many of them are moved.
type Progress = (i64, i64, i64);

/// Makes checkpoints until the pool is closed.
pub(super) async fn run(pool: SqlitePool) {
    let mut closed = pool.close_event();
    // Closing may interrupt a checkpoint at any point: the next one moves the rest.
    drop(closed.do_until(keep_short(&pool)).await);
}

async fn keep_short(pool: &SqlitePool) {
    let mut last = None;
    loop {
        // The writer meets the same failure, and reports it to its caller.
        let progress: Option<Progress> =
            sqlx::query_as("pragma wal_checkpoint(passive)").fetch_one(pool).await.inspect_err(note).ok();
        let is_idle = progress.is_none() || progress == last;
        last = progress;
        tokio::time::sleep(if is_idle { IDLE_INTERVAL } else { INTERVAL }).await;
    }
}

fn note(cause: &sqlx::Error) {
    tracing::debug!(%cause, "no checkpoint could be made");
}

//! Moving SQLite's write-ahead log into the database file, beside the writer.
//!
//! Left to itself SQLite does that within the commit that makes the log too long, and whoever waits
//! for that commit waits for some thousand pages. A checkpoint on a connection of its own waits for
//! nobody and makes nobody wait; what it has moved, the writer need not move.

use std::time::Duration;

use sqlx::SqlitePool;

/// The pause between two checkpoints: a few hundred events at full load.
const INTERVAL: Duration = Duration::from_millis(50);
/// The pause while nothing is written.
const IDLE_INTERVAL: Duration = Duration::from_millis(500);

/// What a checkpoint answers: whether somebody else's hindered it, and how many pages the log has and
/// how many of them were moved.
type Answer = (i64, i64, i64);

/// Makes checkpoints until the pool is closed.
pub(super) async fn run(pool: SqlitePool) {
    let mut closed = pool.close_event();
    // Closing ends it, however far it is; nothing is left to do then.
    drop(closed.do_until(keep_short(&pool)).await);
}

async fn keep_short(pool: &SqlitePool) {
    let mut last = None;
    loop {
        // What fails here the writer meets too, and says to those who wait for it.
        let answer: Option<Answer> =
            sqlx::query_as("pragma wal_checkpoint(passive)").fetch_one(pool).await.inspect_err(note).ok();
        let is_idle = answer.is_none() || answer == last;
        last = answer;
        tokio::time::sleep(if is_idle { IDLE_INTERVAL } else { INTERVAL }).await;
    }
}

fn note(cause: &sqlx::Error) {
    tracing::debug!(%cause, "no checkpoint could be made");
}

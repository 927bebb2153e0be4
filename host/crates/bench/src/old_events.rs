//! Deleting what is old while events are accepted and delivered: how slow the slowest of them is.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use weir::{
    clock::{Clock, SystemClock},
    domain::limits::RETENTION_DAYS_DEFAULT,
};

use crate::{bench::Bench, database::Database, figures::OldEvents, tenant::HEARD};

/// Events a second meanwhile.
const RATE: u32 = 200;
/// The duration of one measurement; as many are made as deleting takes.
const SECONDS: Duration = Duration::from_secs(5);
/// How long deleting may take.
const DELETED_MAX: Duration = Duration::from_mins(30);
/// Days by which the events are older than the host keeps them.
const DAYS_OLDER: i64 = 10;
const DAY_MILLIS: i64 = 24 * 3_600_000;

/// Stops the host, inserts so many old events, and starts it again: it begins to delete them at once.
pub(crate) async fn measure(bench: &mut Bench, events: u32) -> Result<OldEvents> {
    bench.host.end();
    let accepted_at = SystemClock.now().plus_millis(-(i64::from(RETENTION_DAYS_DEFAULT) + DAYS_OLDER) * DAY_MILLIS);
    let mut database = Database::connect(&bench.settings.database).await?;
    database.insert_old_events(accepted_at, events).await?;
    bench.restart_host().await?;
    bench.seconds = SECONDS;
    let begun = Instant::now();
    let mut slowest = bench.latency(HEARD, RATE, 1).await?;
    while database.has_old_events(accepted_at).await? {
        if begun.elapsed() > DELETED_MAX {
            bail!("old events were still there after {DELETED_MAX:?}");
        }
        let next = bench.latency(HEARD, RATE, 1).await?;
        if next.max_ms > slowest.max_ms {
            slowest = next;
        }
    }
    Ok(OldEvents { events, seconds: begun.elapsed().as_secs_f64(), latency: slowest })
}

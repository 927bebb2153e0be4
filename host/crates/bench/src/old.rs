//! What goes on unnoticed: deleting what is old while events are accepted and delivered.

use std::time::{Duration, Instant};

use super::{
    child::{Child, Keys},
    machine::Scratch,
    measure::Bench,
    note,
    report::Old,
};
use crate::{
    clock::{Clock, SystemClock},
    db::{Db, Location, retention},
    domain::{limits::RETENTION_DAYS_DEFAULT, time::Time},
    error::Result,
    fail,
};

/// Rows of each table that are inserted in one transaction.
const ROWS: u32 = 5_000;
/// Events a second meanwhile.
const RATE: u32 = 200;
/// How long one measurement takes.
const SECONDS: Duration = Duration::from_secs(5);
/// How long deleting may take.
const DELETED_MAX: Duration = Duration::from_mins(30);
/// Days beyond their time that the events are old.
const DAYS_OLDER: i64 = 10;

/// Stops the host, makes so many events old, and starts it again: it deletes them at once.
pub(super) async fn measure(
    bench: Bench,
    database: &Location,
    scratch: &Scratch,
    keys: &Keys,
    events: u32,
) -> Result<Old> {
    note(&format!("writing {events} old events"));
    let Bench { tenant, host, receiver, .. } = bench;
    drop(host);
    let days = i64::from(RETENTION_DAYS_DEFAULT) + DAYS_OLDER;
    let at = SystemClock.now().plus_millis(-days * 24 * 3_600_000);
    let db = Db::connect(database).await?;
    for first in (0..events).step_by(ROWS as usize) {
        let mut tx = db.begin().await?;
        retention::insert_old(&mut tx, at, first..(first + ROWS).min(events)).await?;
        tx.commit().await?;
    }
    note("accept to arrival while they are deleted");
    let host = Child::start_host(database, scratch, keys).await?;
    let begun = Instant::now();
    let bench = Bench { tenant: tenant.at(&host)?, host, receiver, seconds: SECONDS };
    let mut latency = bench.latency(RATE).await?;
    // As long as there is something left, the slowest of all measurements counts.
    while is_any_left(&db, at).await? {
        if begun.elapsed() > DELETED_MAX {
            return Err(fail!(Unavailable, "old events were still there after {DELETED_MAX:?}"));
        }
        let next = bench.latency(RATE).await?;
        if next.max_ms > latency.max_ms {
            latency = next;
        }
    }
    Ok(Old { events, seconds: begun.elapsed().as_secs_f64(), latency })
}

async fn is_any_left(db: &Db, at: Time) -> Result<bool> {
    let mut tx = db.read().await?;
    let wanted =
        retention::OldEvents { after: "", before: at.plus_millis(1), dead_letters_before: at.plus_millis(1), page: 1 };
    Ok(retention::old_events(&mut tx, wanted).await?.last.is_some())
}

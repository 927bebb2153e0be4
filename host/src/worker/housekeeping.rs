//! Housekeeping: deletes old rows in small transactions with pauses between them, so that another write waits
//! for one of them at most.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{Shared, contained};
use crate::{
    db::{
        self, Tx,
        retention::{OldEvent, OldEvents},
    },
    domain::{
        limits::{RETENTION_PAGE_ROWS, RETENTION_ROWS_MAX},
        retention::Retention,
        time::Time,
    },
    error::Result,
};

/// The pause after each transaction that deleted rows, for other writes.
const PAUSE: Duration = Duration::from_millis(20);

/// The worker that deletes old rows.
pub(super) struct Housekeeping {
    shared: Arc<Shared>,
    retention: Retention,
    /// How often it looks for old rows.
    interval: Duration,
    /// The id of the last delivery whose attempts were looked at; empty at first.
    attempts_after: Mutex<String>,
}

impl Housekeeping {
    pub(super) fn new(shared: Arc<Shared>, retention: Retention, interval: Duration) -> Self {
        Self { shared, retention, interval, attempts_after: Mutex::default() }
    }

    /// Deletes at intervals until `stop` fires.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.interval) => {}
            }
            match contained("housekeeping", Box::pin(stop.run_until_cancelled(self.sweep()))).await.flatten() {
                Some(Ok(0)) | None => {}
                Some(Ok(deleted)) => tracing::info!(deleted, "deleted old events and attempts"),
                Some(Err(error)) => tracing::error!(error = ?error, "old rows could not be deleted"),
            }
        }
    }

    /// Deletes everything that is old at the present moment, and returns how many events and attempts.
    pub(super) async fn sweep(&self) -> Result<u64> {
        self.sweep_answers().await?;
        self.sweep_relays().await?;
        self.sweep_lines().await?;
        Ok(self.sweep_attempts().await? + self.sweep_events().await?)
    }

    /// Deletes expired answers that were kept for repeated requests with an idempotency key.
    async fn sweep_answers(&self) -> Result<()> {
        let host = &self.shared.host;
        loop {
            let mut tx = host.db.begin_unsynced().await?;
            let deleted = db::idempotency::forget_expired(&mut tx, host.now()).await?;
            if commit(tx, deleted).await? {
                return Ok(());
            }
        }
    }

    /// Deletes old rows of the relay log.
    async fn sweep_relays(&self) -> Result<()> {
        let Some(before) = self.retention.relay_log.before(self.shared.host.now()) else { return Ok(()) };
        loop {
            let mut tx = self.shared.host.db.begin_unsynced().await?;
            let deleted = db::retention::delete_relays(&mut tx, before, RETENTION_ROWS_MAX).await?;
            if commit(tx, deleted).await? {
                return Ok(());
            }
        }
    }

    /// Deletes old log lines of components, which are kept as long as attempts.
    async fn sweep_lines(&self) -> Result<()> {
        let Some(before) = self.retention.attempts.before(self.shared.host.now()) else { return Ok(()) };
        loop {
            let mut tx = self.shared.host.db.begin_unsynced().await?;
            let deleted = db::component::delete_logs(&mut tx, before, RETENTION_ROWS_MAX).await?;
            if commit(tx, deleted).await? {
                return Ok(());
            }
        }
    }

    /// Deletes old events with their deliveries, and returns the number of events.
    async fn sweep_events(&self) -> Result<u64> {
        let now = self.shared.host.now();
        let Some(before) = self.retention.events.before(now) else { return Ok(0) };
        // Dead letters that are kept for ever keep their events for ever.
        let dead_letters_before = self.retention.dead_letters.before(now).unwrap_or(Time::from_millis(0));
        let (mut after, mut deleted) = (String::new(), 0);
        loop {
            let mut tx = self.shared.host.db.read().await?;
            let wanted = OldEvents { after: &after, before, dead_letters_before, page: RETENTION_PAGE_ROWS };
            let found = db::retention::old_events(&mut tx, wanted).await?;
            drop(tx);
            for batch in batches(&found.old) {
                deleted += self.delete(batch, dead_letters_before).await?;
            }
            let Some(last) = found.last else { return Ok(deleted) };
            after = last;
        }
    }

    /// Deletes a batch of events, and returns their number. The deliveries of an event that has too many for
    /// one transaction go first, in several.
    async fn delete(&self, batch: &[OldEvent], dead_letters_before: Time) -> Result<u64> {
        let db = &self.shared.host.db;
        if let [large] = batch
            && large.deliveries > RETENTION_ROWS_MAX
        {
            loop {
                let mut tx = db.begin_unsynced().await?;
                let some =
                    db::retention::delete_deliveries(&mut tx, &large.id, dead_letters_before, RETENTION_ROWS_MAX);
                let deleted = some.await?;
                tx.commit().await?;
                tokio::time::sleep(PAUSE).await;
                if deleted == 0 {
                    break;
                }
            }
        }
        let ids: Vec<&str> = batch.iter().map(|event| event.id.as_str()).collect();
        let mut tx = db.begin_unsynced().await?;
        let deleted = db::retention::delete_events(&mut tx, &ids, dead_letters_before).await?;
        tx.commit().await?;
        tokio::time::sleep(PAUSE).await;
        Ok(deleted)
    }

    /// Deletes old attempts of finished deliveries, and returns their number.
    async fn sweep_attempts(&self) -> Result<u64> {
        let db = &self.shared.host.db;
        let Some(before) = self.retention.attempts.before(self.shared.host.now()) else { return Ok(0) };
        let mut deleted = 0;
        loop {
            let after = self.attempts_after.lock().clone();
            let mut tx = db.read().await?;
            let found = db::retention::old_deliveries(&mut tx, &after, before, RETENTION_PAGE_ROWS).await?;
            drop(tx);
            if !found.old.is_empty() {
                let mut tx = db.begin_unsynced().await?;
                deleted += db::retention::delete_attempts(&mut tx, &found.old).await?;
                tx.commit().await?;
                tokio::time::sleep(PAUSE).await;
            }
            let Some(last) = found.last else { return Ok(deleted) };
            *self.attempts_after.lock() = last;
        }
    }
}

/// Commits a deletion and pauses; returns whether nothing was left to delete.
async fn commit(tx: Tx, deleted: u64) -> Result<bool> {
    tx.commit().await?;
    if deleted > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(deleted == 0)
}

/// Splits events, in their order, into batches of at most [`RETENTION_ROWS_MAX`] deliveries. An event that
/// has more is a batch of its own.
fn batches(events: &[OldEvent]) -> Vec<&[OldEvent]> {
    let (mut batches, mut begin, mut rows) = (Vec::new(), 0, 0);
    for (at, event) in events.iter().enumerate() {
        if at > begin && rows + event.deliveries > RETENTION_ROWS_MAX {
            batches.push(&events[begin..at]);
            (begin, rows) = (at, 0);
        }
        rows += event.deliveries;
    }
    if begin < events.len() {
        batches.push(&events[begin..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(deliveries: &[i64]) -> Vec<OldEvent> {
        deliveries.iter().map(|&deliveries| OldEvent { id: String::new(), deliveries }).collect()
    }

    #[test]
    fn retention_rows_max() {
        let sizes = |deliveries: &[i64]| batches(&events(deliveries)).iter().map(|run| run.len()).collect::<Vec<_>>();
        let max = RETENTION_ROWS_MAX;
        assert_eq!(sizes(&[]), [] as [usize; 0]);
        assert_eq!(sizes(&[0, max, 0]), [3]);
        assert_eq!(sizes(&[1, max, 0]), [1, 2]);
        assert_eq!(sizes(&[max + 1, 1, max - 1, 1]), [1, 2, 1]);
    }
}

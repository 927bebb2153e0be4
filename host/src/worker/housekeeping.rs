//! Deleting what is old: in small transactions with pauses between, so that whoever writes in
//! between waits for one of them at most.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{Shared, contained};
use crate::{
    db::{
        self,
        retention::{Sweep, Swept},
    },
    domain::{
        limits::{RETENTION_PAGE_ROWS, RETENTION_ROWS_MAX},
        retention::Retention,
    },
    error::Result,
};

/// How often old things are looked for.
const INTERVAL: Duration = Duration::from_mins(10);
/// The pause after each transaction: it gives the writer to those who wait for it.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Housekeeping {
    shared: Arc<Shared>,
    retention: Retention,
    /// The last delivery whose attempts were looked at: those before it are done.
    attempts_after: Mutex<String>,
}

impl Housekeeping {
    pub(super) fn new(shared: Arc<Shared>, retention: Retention) -> Self {
        Self { shared, retention, attempts_after: Mutex::default() }
    }

    /// Keeps house until told to stop.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let (this, until) = (self.clone(), stop.clone());
            let swept = contained("housekeeping", async move {
                until.run_until_cancelled(this.sweep()).await.unwrap_or(Ok(0))
            });
            match swept.await {
                Some(Ok(0)) | None => {}
                Some(Ok(deleted)) => tracing::info!(deleted, "deleted old events and attempts"),
                Some(Err(error)) => tracing::error!(error = ?error, "old events could not be deleted"),
            }
        }
    }

    /// Deletes everything that is old at the present moment; says how many rows of events and
    /// attempts.
    pub(super) async fn sweep(&self) -> Result<u64> {
        Ok(self.sweep_attempts().await? + self.sweep_events().await?)
    }

    async fn sweep_events(&self) -> Result<u64> {
        let host = &self.shared.host;
        let now = host.now();
        let Some(events_before) = self.retention.events.before(now) else { return Ok(0) };
        // Dead letters that are kept for ever keep their events for ever.
        let dead_letters_before = self.retention.dead_letters.before(now).unwrap_or(crate::domain::time::Time::from_millis(0));
        let (mut after, mut deleted) = (String::new(), 0);
        loop {
            let mut tx = host.db.begin().await?;
            let sweep = Sweep {
                after: &after,
                events_before,
                dead_letters_before,
                page: RETENTION_PAGE_ROWS,
                rows_max: RETENTION_ROWS_MAX,
            };
            let Swept { last, deleted: some } = db::retention::sweep_events(&mut tx, sweep).await?;
            tx.commit().await?;
            deleted += some;
            let Some(last) = last else { return Ok(deleted) };
            after = last;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn sweep_attempts(&self) -> Result<u64> {
        let host = &self.shared.host;
        let Some(before) = self.retention.attempts.before(host.now()) else { return Ok(0) };
        let mut deleted = 0;
        loop {
            let after = self.attempts_after.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let mut tx = host.db.begin().await?;
            let swept = db::retention::sweep_attempts(&mut tx, &after, before, RETENTION_PAGE_ROWS).await?;
            tx.commit().await?;
            deleted += swept.deleted;
            let Some(last) = swept.last else { return Ok(deleted) };
            *self.attempts_after.lock().unwrap_or_else(PoisonError::into_inner) = last;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

//! Claiming: takes due deliveries from the table, as many as there are slots for, and starts them.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{
    super::{POLL_INTERVAL, Shared, contained},
    job::Job,
    slots::Slot,
};
use crate::{
    db,
    domain::{delivery::Claimed, receiver::ReceiverId, subscription::Endpoint, time::Time},
    error::Result,
    service::receiver,
};

/// Receivers looked up in one statement of a sweep.
const SWEEP_PAGE: u32 = 256;
/// Pages of one sweep; the next sweep goes on where it ended.
const SWEEP_PAGES_MAX: usize = 64;
/// Deliveries of one receiver that one transaction claims, so that other receivers have room in it.
const CLAIM_PER_RECEIVER: usize = 32;
/// The shortest wait for a token of a receiver's rate: a commit for each single delivery would cost more than
/// an even rate is worth.
const TOKEN_WAIT_MIN: Duration = Duration::from_millis(20);
/// Deliveries claimed in one transaction.
const CLAIM_PER_TRANSACTION: usize = 256;

/// The worker that claims due deliveries.
pub(in crate::worker) struct Claims {
    shared: Arc<Shared>,
    /// The receiver at which the last sweep ended.
    cursor: Mutex<String>,
    /// Rounds so far: each begins with another receiver.
    round: AtomicUsize,
}

impl Claims {
    pub(in crate::worker) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, cursor: Mutex::new(String::new()), round: AtomicUsize::new(0) }
    }

    /// Claims until `stop` fires: whenever a slot comes back or a receiver gets due deliveries, and after each
    /// sweep of the table. Sweeps come every [`POLL_INTERVAL`], and when a bell rings for due deliveries.
    pub(in crate::worker) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut next_sweep = tokio::time::Instant::now();
        loop {
            // Listening begins before the slots are looked at, so that no ring in between is lost.
            let changed = self.shared.slots.changed.notified();
            let replayed = self.shared.host.bells.deliveries_due.notified();
            let claimed = self.claim_noting_errors().await;
            if claimed > 0 {
                if stop.is_cancelled() {
                    break;
                }
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(next_sweep) => {
                    self.sweep_noting_errors().await;
                    next_sweep = tokio::time::Instant::now() + POLL_INTERVAL;
                }
                () = replayed => self.sweep_noting_errors().await,
                () = changed => {}
                // A receiver gets a token of its rate before the next sweep.
                () = tokio::time::sleep(self.until_next_token()) => {}
            }
        }
    }

    /// The wait until one of the receivers that lack only a token of their rate gets one.
    fn until_next_token(&self) -> Duration {
        let now = self.shared.host.now();
        let wait_ms = self.shared.slots.next_token_at(now).map(|at| at.millis_since(now));
        let wait = wait_ms.and_then(|ms| u64::try_from(ms).ok()).map_or(POLL_INTERVAL, Duration::from_millis);
        wait.clamp(TOKEN_WAIT_MIN, POLL_INTERVAL)
    }

    async fn claim_noting_errors(&self) -> usize {
        let claimed = contained("a claim of deliveries", self.claim()).await;
        claimed.unwrap_or(Ok(0)).unwrap_or_else(|error| {
            tracing::error!(error = ?error, "due deliveries could not be claimed");
            0
        })
    }

    async fn sweep_noting_errors(&self) {
        if let Some(Err(error)) = contained("a sweep for deliveries", self.sweep()).await {
            tracing::error!(error = ?error, "the table could not be searched for due deliveries");
        }
    }

    /// Whether a delivery is claimed, by this host or another, or is due and not held back by its receiver's
    /// rate alone. For tests.
    pub(in crate::worker) async fn is_work_left(&self) -> Result<bool> {
        let now = self.shared.host.now();
        let mut tx = self.shared.host.db.read().await?;
        if db::delivery::is_any_claimed(&mut tx).await? {
            return Ok(true);
        }
        let mut after = String::new();
        loop {
            let page = db::delivery::due_receivers(&mut tx, now, &after, SWEEP_PAGE).await?;
            let Some(last) = page.last() else { return Ok(false) };
            after = last.id.to_string();
            let mut due = page.iter().filter(|due| due.organization_id.is_some());
            if due.any(|due| !self.shared.slots.is_held_back(&due.id, now)) {
                return Ok(true);
            }
        }
    }

    /// Sweeps and claims once, and returns the number of claimed deliveries. For tests.
    pub(in crate::worker) async fn sweep_and_claim(&self) -> Result<usize> {
        self.sweep().await?;
        self.claim().await
    }

    /// Notes each receiver that has due deliveries in the table.
    async fn sweep(&self) -> Result<()> {
        let mut after = self.cursor.lock().clone();
        for _ in 0..SWEEP_PAGES_MAX {
            let now = self.shared.host.now();
            let mut tx = self.shared.host.db.read().await?;
            let page = db::delivery::due_receivers(&mut tx, now, &after, SWEEP_PAGE).await?;
            drop(tx);
            let is_last = page.len() < SWEEP_PAGE as usize;
            after = page.last().map(|due| due.id.to_string()).filter(|_| !is_last).unwrap_or_default();
            for due in page {
                if let Some(organization) = due.organization_id {
                    self.shared.slots.note_due(&organization, &due.id, due.limits, now);
                }
            }
            if is_last {
                break;
            }
        }
        *self.cursor.lock() = after;
        self.shared.slots.tidy(self.shared.host.now());
        Ok(())
    }

    /// Takes slots for the receivers that have due deliveries, claims as many deliveries, and starts them. Returns
    /// their number.
    async fn claim(&self) -> Result<usize> {
        if self.shared.slots.receivers_due(self.shared.host.now()).is_empty() {
            return Ok(0);
        }
        // Slots are taken after the transaction has begun: slots that came back while it waited for the
        // writer are used by the same commit.
        let mut tx = self.shared.host.db.begin_unsynced().await?;
        let mut claimed: Vec<(Claimed, Slot)> = Vec::new();
        let now = self.shared.host.now();
        for (receiver, mut slots) in self.take_slots(now) {
            let limit = u32::try_from(slots.len()).unwrap_or(u32::MAX);
            let lease = super::lease_from(now);
            // Cleared before the query: a delivery that becomes due after it is noted again.
            self.shared.slots.clear_due(&receiver);
            let rows = db::delivery::claim_due(&mut tx, &receiver, now, lease, limit).await?;
            if rows.len() == slots.len() {
                self.shared.slots.note_more(&receiver);
            }
            claimed.extend(rows.into_iter().map_while(|row| Some((row, slots.pop()?))));
        }
        tx.commit().await?;
        let count = claimed.len();
        self.start(claimed).await?;
        Ok(count)
    }

    /// Slots for one transaction, receiver by receiver. Each round begins with another receiver, because one
    /// transaction may not have room for all of them.
    fn take_slots(&self, now: Time) -> Vec<(ReceiverId, Vec<Slot>)> {
        let mut taken = Vec::new();
        let mut room = CLAIM_PER_TRANSACTION;
        let mut waiting = self.shared.slots.receivers_due(now);
        let round = self.round.fetch_add(1, Ordering::Relaxed);
        let first = round.checked_rem(waiting.len()).unwrap_or(0);
        waiting.rotate_left(first);
        for (organization, receiver) in waiting {
            let slots = self.shared.slots.take(&organization, &receiver, CLAIM_PER_RECEIVER.min(room), now);
            if !slots.is_empty() {
                room -= slots.len();
                taken.push((receiver, slots));
            }
            if room == 0 {
                break;
            }
        }
        taken
    }

    /// Starts the claimed deliveries, and abandons those of receivers that are gone.
    async fn start(&self, claimed: Vec<(Claimed, Slot)>) -> Result<()> {
        let ids: Vec<_> = claimed.iter().map(|(row, _)| &row.emit_id).collect();
        let mut tx = self.shared.host.db.read().await?;
        let emits = db::emit::load(&mut tx, &ids).await?;
        drop(tx);
        let mut endpoint: Option<Arc<Endpoint>> = None;
        let mut gone = BTreeSet::new();
        for (row, slot) in claimed {
            // Rows come receiver by receiver.
            if endpoint.as_ref().is_none_or(|known| known.receiver != row.receiver) {
                endpoint = self.shared.host.memory.endpoint(&row.organization_id, &row.receiver).await?;
            }
            // The receiver was removed, so it is owed nothing.
            let Some(endpoint) = &endpoint else {
                gone.insert((row.organization_id, row.receiver));
                continue;
            };
            // An emit is deleted only after its deliveries have ended, so it is found.
            let Some(stored) = emits.iter().find(|stored| stored.emit.id == row.emit_id) else { continue };
            let job = Job::new(row, stored.emit.clone(), endpoint.clone());
            job.start(&self.shared, slot);
        }
        for (organization, receiver) in gone {
            receiver::abandon(&self.shared.host, &organization, &receiver).await?;
        }
        Ok(())
    }
}

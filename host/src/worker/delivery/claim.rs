//! Claiming: takes due deliveries from the table, as many as there are slots for, and starts them.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

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
/// Deliveries claimed of one receiver before the next one has its turn.
const CLAIM_PER_RECEIVER: usize = 32;
/// The shortest wait for a receiver's rate: a commit for each single delivery would cost more than
/// evening them out is worth.
const TURN_MIN: Duration = Duration::from_millis(20);
/// Deliveries claimed in one transaction.
const CLAIM_PER_TRANSACTION: usize = 256;

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

    /// Claims until told to stop: at once when a slot or a backlog is announced, and after a sweep
    /// of the table every now and then.
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
                // A receiver has its next turn before the next look at the table.
                () = tokio::time::sleep(self.next_turn()) => {}
            }
        }
    }

    /// How long until a receiver that waits for nothing but its rate may go on.
    fn next_turn(&self) -> Duration {
        let now = self.shared.host.now();
        let wait_ms = self.shared.slots.next_token_at(now).map(|at| at.millis_since(now));
        let wait = wait_ms.and_then(|ms| u64::try_from(ms).ok()).map_or(POLL_INTERVAL, Duration::from_millis);
        wait.clamp(TURN_MIN, POLL_INTERVAL)
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

    /// Whether anything is due at the present moment that waits for more than its receiver's
    /// rate, or is claimed by anybody: for tests.
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

    /// A sweep and a claim, for tests; says how many were claimed.
    pub(in crate::worker) async fn sweep_and_claim(&self) -> Result<usize> {
        self.sweep().await?;
        self.claim().await
    }

    /// Looks through the table for receivers with something due.
    async fn sweep(&self) -> Result<()> {
        let mut after = self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for _ in 0..SWEEP_PAGES_MAX {
            let now = self.shared.host.now();
            let mut tx = self.shared.host.db.read().await?;
            let page = db::delivery::due_receivers(&mut tx, now, &after, SWEEP_PAGE).await?;
            drop(tx);
            let is_last = page.len() < SWEEP_PAGE as usize;
            after = page.last().map(|due| due.id.to_string()).filter(|_| !is_last).unwrap_or_default();
            for due in page {
                if let Some(organization) = due.organization_id {
                    self.shared.slots.note_backlog(&organization, &due.id, due.limits, now);
                }
            }
            if is_last {
                break;
            }
        }
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = after;
        self.shared.slots.tidy(self.shared.host.now());
        Ok(())
    }

    /// Takes slots for the receivers that have a backlog, claims as many deliveries, and
    /// starts them. Says how many.
    async fn claim(&self) -> Result<usize> {
        if self.shared.slots.backlog(self.shared.host.now()).is_empty() {
            return Ok(0);
        }
        // Slots are taken only when it is this transaction's turn: what was given back while it
        // waited for the writer is used by the same commit.
        let mut tx = self.shared.host.db.begin_unsynced().await?;
        let mut claimed: Vec<(Claimed, Slot)> = Vec::new();
        let now = self.shared.host.now();
        for (receiver, mut slots) in self.take_slots(now) {
            let limit = u32::try_from(slots.len()).unwrap_or(u32::MAX);
            let lease = super::lease_from(now);
            // Cleared before the look: a delivery that becomes due after it is noted again.
            self.shared.slots.clear_backlog(&receiver);
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

    /// Slots for one transaction, receiver by receiver. Each round begins with another receiver, because a
    /// transaction has room for a few only, and none may be left out of all of them.
    fn take_slots(&self, now: Time) -> Vec<(ReceiverId, Vec<Slot>)> {
        let mut taken = Vec::new();
        let mut room = CLAIM_PER_TRANSACTION;
        let mut waiting = self.shared.slots.backlog(now);
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
            // Without its receiver nothing is owed.
            let Some(endpoint) = &endpoint else {
                gone.insert((row.organization_id, row.receiver));
                continue;
            };
            // Without its emit neither: emits are deleted only when nothing is owed of them.
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

//! Relays: what an organization pushes, on its way to the members of its groups.
//!
//! An emit that is pushed leaves a row in the transaction that accepts it. From there it is relayed
//! in steps, beside the owner's own routing: a step takes it to some members, logs that, and moves
//! on, all in one transaction, so that a crash neither skips a member nor repeats one (`batch`).
//! Members that are organizations have it accepted again, and it is then routed like any event of
//! theirs; to external peers it is owed like to a subscription. Neither leaves such a row itself:
//! nothing is relayed twice (contract 4.3).

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{POLL_INTERVAL, Shared, contained};
use crate::{
    db::federation::fan_out::{self, FanOut},
    domain::{flow::Limits, subscription::Terms},
    error::{Code, Error, Result},
};
use batch::Batch;

mod batch;

/// Emits of one step.
const EMITS_MAX: u32 = 64;
/// Relays of one step: enough for a commit to be worth it.
const RELAYS_MAX: usize = 64;
/// Relays of one step while events are being accepted: they and their deliveries wait for its commit.
const RELAYS_BESIDE_MAX: usize = 16;
/// Between two steps the database belongs to the others.
const PAUSE: Duration = Duration::from_millis(2);
/// The same while events are being accepted.
const PAUSE_BESIDE: Duration = Duration::from_millis(5);
/// The longest wait before an emit that could not be relayed is tried again, in seconds.
const PUT_OFF_SECONDS_MAX: i64 = 300;
/// Doublings of the wait until it is longer than that.
const PUT_OFF_DOUBLINGS_MAX: u32 = 9;

pub(super) struct Relays {
    shared: Arc<Shared>,
    /// The organization that had the last step: the next one belongs to another.
    cursor: Mutex<String>,
    /// Emits that had been accepted at the last step.
    accepted: AtomicU64,
}

/// What could not be relayed, and why.
struct Failed {
    due: Vec<FanOut>,
    error: Error,
}

impl Relays {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, cursor: Mutex::default(), accepted: AtomicU64::new(0) }
    }

    /// Relays until told to stop.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            // Listening begins before the look, so that no ring in between is lost.
            let rung = self.shared.host.relays_due.notified();
            let is_beside = self.is_beside_others();
            let this = self.clone();
            let is_more = match contained("a step of relaying", async move { this.step(is_beside).await }).await {
                Some(Ok(steps)) => steps > 0,
                Some(Err(error)) => {
                    tracing::error!(error = ?error, "emits cannot be relayed yet");
                    false
                }
                None => false,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(if is_beside { PAUSE_BESIDE } else { PAUSE }), if is_more => {}
                () = rung, if !is_more => {}
                () = tokio::time::sleep(POLL_INTERVAL), if !is_more => {}
            }
        }
    }

    /// Whether anything was accepted since this was last asked.
    fn is_beside_others(&self) -> bool {
        let accepted = self.shared.host.ledger.accepted();
        self.accepted.swap(accepted, Ordering::Relaxed) != accepted
    }

    fn cursor(&self) -> MutexGuard<'_, String> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step of one organization; says of how many emits. When the emits cannot be relayed
    /// together, the oldest is tried alone, and put off if it is the one to blame.
    pub(super) async fn step(&self, is_beside: bool) -> Result<usize> {
        let host = &self.shared.host;
        let mut tx = host.db.read().await?;
        let is_any_due = fan_out::is_any_due(&mut tx, host.now()).await?;
        drop(tx);
        if !is_any_due {
            return Ok(0);
        }
        let after = self.cursor().clone();
        let relays = if is_beside { RELAYS_BESIDE_MAX } else { RELAYS_MAX };
        let Err(failed) = self.relay(&after, EMITS_MAX, relays).await? else { return Ok(1) };
        if failed.error.code() == Code::Unavailable {
            return Err(failed.error);
        }
        let Err(failed) = self.relay(&after, 1, relays).await? else { return Ok(1) };
        if failed.error.code() == Code::Unavailable {
            return Err(failed.error);
        }
        self.put_off(&failed).await?;
        Ok(1)
    }

    /// Relays the oldest emits of the next organization, so many of them and to so many at most.
    async fn relay(&self, after: &str, emits: u32, relays: usize) -> Result<Result<(), Failed>> {
        let host = &self.shared.host;
        let now = host.now();
        let mut tx = host.db.begin().await?;
        let mut due = fan_out::next(&mut tx, after, now, emits).await?;
        if due.is_empty() {
            due = fan_out::next(&mut tx, "", now, emits).await?;
        }
        let Some(owner) = due.first().map(|fan_out| fan_out.owner_id.clone()) else { return Ok(Ok(())) };
        // Moved before anything can fail: the trouble of one organization is not another's.
        self.cursor().clone_from(&owner.to_string());
        let mut batch = Batch::new(host, &owner, now, relays);
        let written = async {
            batch.take(&mut tx, &due).await?;
            batch.write(&mut tx).await?;
            tx.commit().await
        };
        if let Err(error) = written.await {
            return Ok(Err(Failed { due, error }));
        }
        host.emits_due.notify_one();
        for peer in batch.owed_peers() {
            self.shared.slots.note_backlog(&owner, &peer, Limits::of(&Terms::default()), now);
        }
        Ok(Ok(()))
    }

    /// Lets the others pass that wait behind emits which cannot be relayed.
    async fn put_off(&self, failed: &Failed) -> Result<()> {
        let host = &self.shared.host;
        let mut tx = host.db.begin().await?;
        for FanOut { owner_id, emit_id, failures, .. } in &failed.due {
            tracing::error!(emit = %emit_id, error = ?failed.error, "emit {emit_id} cannot be relayed yet");
            let wait_s = (2_i64 << (*failures).min(PUT_OFF_DOUBLINGS_MAX)).min(PUT_OFF_SECONDS_MAX);
            fan_out::put_off(&mut tx, owner_id, emit_id, host.now().plus_millis(wait_s * 1_000)).await?;
        }
        tx.commit().await
    }
}

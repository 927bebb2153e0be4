//! Routing: from an accepted emit to the deliveries it is owed.

use std::{borrow::Cow, sync::Arc, time::Duration};

use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    POLL_INTERVAL, Shared,
    choice::{self, Effort},
    contained,
    delivery::Job,
    slots::Slot,
};
use crate::{
    db::{
        self,
        ledger::{Handover, NewDelivery, ROUTING_LEASE_MS, Routed},
    },
    domain::{emit::Emit, event::Destination, id::DeliveryId, subscription::Target, time::Time},
    error::{Error, Result},
    runtime::Call,
    service::{directory, lifecycle},
};

/// Emits routed together, in one transaction.
const BATCH_MAX: usize = 256;
/// Emits taken from the table together: fewer, because what was just accepted waits meanwhile, and
/// the table may have thousands, relayed to as many organizations.
const BACKLOG_BATCH_MAX: usize = 64;
/// Batches that are being written while the next ones are routed.
const BATCHES_UNDER_WAY_MAX: usize = 4;
/// The longest wait before an emit that could not be routed is tried again, in seconds.
const BACKOFF_SECONDS_MAX: i64 = 300;
/// Doublings of the wait until it is longer than that.
const BACKOFF_DOUBLINGS_MAX: i64 = 9;

/// What a router without a configuration of its own is given.
const NO_CONFIG: &str = "{}";
/// How long an emit may take whose filters do not fit one call.
const SLOW_LEASE_MS: i64 = 300_000;

#[derive(Clone)]
pub(super) struct Routing {
    shared: Arc<Shared>,
    backlog: Arc<Notify>,
    under_way: Arc<Semaphore>,
    /// For one emit at a time that takes long, so that the others do not wait for it.
    slow_lane: Arc<Semaphore>,
}

/// A routed emit, with what is to be delivered at once when the routing is written.
struct Decision {
    routed: Routed,
    jobs: Vec<(Job, Slot)>,
}

impl Routing {
    pub(super) fn new(shared: Arc<Shared>, backlog: Arc<Notify>) -> Self {
        let under_way = Arc::new(Semaphore::new(BATCHES_UNDER_WAY_MAX));
        Self { shared, backlog, under_way, slow_lane: Arc::new(Semaphore::new(1)) }
    }

    /// Routes what comes until told to stop.
    pub(super) async fn run(self: Arc<Self>, mut handovers: mpsc::Receiver<Handover>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut next_look = tokio::time::Instant::now();
        loop {
            // Listening begins before the table is looked at, so that no ring in between is lost.
            let rung = self.backlog.notified();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // Before the queue, which may never be empty: what waits in the table has its turn
                // every now and then, whatever the traffic.
                () = tokio::time::sleep_until(next_look) => {
                    self.drain_backlog().await;
                    next_look = tokio::time::Instant::now() + POLL_INTERVAL;
                }
                () = rung => self.drain_backlog().await,
                taken = handovers.recv_many(&mut batch, BATCH_MAX) => {
                    if taken == 0 {
                        break;
                    }
                }
            }
            // After the table the queue always has its turn.
            while batch.len() < BATCH_MAX
                && let Ok(handover) = handovers.try_recv()
            {
                batch.push(handover);
            }
            if !batch.is_empty() {
                let (this, batch) = (self.clone(), std::mem::take(&mut batch));
                contained("a batch of routing", async move { this.route(batch).await }).await;
            }
        }
    }

    async fn drain_backlog(self: &Arc<Self>) {
        let this = self.clone();
        match contained("a batch of routing", async move { this.claim_backlog().await }).await {
            // A full batch: there may be more, and the queue has its turn in between.
            Some(Ok(BACKLOG_BATCH_MAX)) => self.backlog.notify_one(),
            Some(Ok(_)) | None => {}
            Some(Err(error)) => {
                tracing::error!(error = ?error, "routing could not look for waiting emits");
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// Takes due emits from the table and routes them; says how many.
    pub(super) async fn claim_backlog(&self) -> Result<usize> {
        let host = &self.shared.host;
        let now = host.now();
        let mut tx = host.db.read().await?;
        let is_due = db::emit::is_any_due(&mut tx, now).await?;
        drop(tx);
        if !is_due {
            return Ok(0);
        }
        let limit = u32::try_from(BACKLOG_BATCH_MAX).unwrap_or(u32::MAX);
        let mut tx = host.db.begin().await?;
        let claimed = db::emit::claim_due(&mut tx, now, now.plus_millis(ROUTING_LEASE_MS), limit).await?;
        tx.commit().await?;
        let count = claimed.len();
        let handover = |stored: db::emit::StoredEmit| Handover { emit: stored.emit, claims: stored.claims };
        self.route(claimed.into_iter().map(handover).collect()).await;
        Ok(count)
    }

    async fn route(&self, batch: Vec<Handover>) {
        let mut decisions = Vec::with_capacity(batch.len());
        for handover in batch {
            match self.decide(&handover, Effort::OneCallEach).await {
                Ok(Some(decision)) => decisions.push(decision),
                Ok(None) => self.route_slowly(handover).await,
                Err(error) => self.put_back(&handover, &error).await,
            }
        }
        // Waits when the database is slower than routing: emits then pile up in the queue, and
        // beyond it in the table.
        let permit = self.under_way.clone().acquire_owned().await;
        let shared = self.shared.clone();
        self.shared.routings.spawn(async move {
            write(&shared, decisions).await;
            drop(permit);
        });
    }

    /// Routes an emit beside the others: its filters take long on its payload. When there is one
    /// already, the next is put back, and the table remembers it.
    async fn route_slowly(&self, handover: Handover) {
        let Ok(lane) = self.slow_lane.clone().try_acquire_owned() else {
            let busy =
                crate::fail!(Unavailable, "its filters take long on its payload, and another such emit is routed");
            return self.put_back(&handover, &busy).await;
        };
        let lease_ends = self.shared.host.now().plus_millis(SLOW_LEASE_MS);
        self.hold_until(&handover, lease_ends, "its filters take long on its payload").await;
        let this = self.clone();
        self.shared.routings.spawn(async move {
            match this.decide(&handover, Effort::AsManyAsItTakes).await {
                Ok(decision) => write(&this.shared, decision.into_iter().collect()).await,
                Err(error) => this.put_back(&handover, &error).await,
            }
            drop(lane);
        });
    }

    /// What becomes of an emit; `None` when that takes more effort.
    async fn decide(&self, handover: &Handover, effort: Effort) -> Result<Option<Decision>> {
        let (shared, emit) = (&self.shared, &handover.emit);
        let entry = directory::organization(&shared.host, &emit.organization_id, emit.revision).await?;
        let targets = directory::targets(&shared.host, &entry, &emit.subject).await?;
        let targets = owed_at(&targets, emit.revision);
        let now = shared.host.now();
        let mut routed = Routed {
            emit_id: emit.id.clone(),
            organization_id: emit.organization_id.clone(),
            claims: handover.claims,
            routed_at: now,
            deliveries: Vec::new(),
            lifecycle: lifecycle::of_routed(&shared.host, &entry, emit, now).await?,
        };
        let mut jobs = Vec::new();
        let (call, event) = (call_for(emit), emit.as_event(Vec::new()));
        let chosen = choice::choose(&shared.runtime, &call, &event, &targets, effort).await?;
        let Some(chosen) = chosen else { return Ok(None) };
        for (target, destination) in chosen {
            let (delivery, job) = self.owe(handover, &target, destination, now);
            routed.deliveries.push(delivery);
            jobs.extend(job);
        }
        Ok(Some(Decision { routed, jobs }))
    }

    /// A delivery, and the job of delivering it at once if a slot is free and it need not wait.
    fn owe(
        &self,
        handover: &Handover,
        target: &Arc<Target>,
        destination: Destination,
        now: Time,
    ) -> (NewDelivery, Option<(Job, Slot)>) {
        let shared = &self.shared;
        let id = DeliveryId::new(now, shared.host.randomness.id());
        let delay_ms = i64::try_from(destination.delay_ms).unwrap_or(i64::MAX);
        let slot = match delay_ms {
            0 => shared.slots.take_for_new(target, now),
            _ => None,
        };
        let delivery = NewDelivery {
            id: id.clone(),
            receiver: target.receiver.clone(),
            attributes: destination.attributes.clone(),
            due_at: if slot.is_some() { super::delivery::lease_from(now) } else { now.plus_millis(delay_ms) },
            is_claimed: slot.is_some(),
        };
        let job = |slot| {
            let job = Job {
                delivery_id: id,
                emit: handover.emit.clone(),
                target: target.clone(),
                push_id: None,
                attributes: destination.attributes,
                is_replay: false,
                attempts_made: 0,
                attempts_total: 0,
                claims: 1,
            };
            (job, slot)
        };
        (delivery, slot.map(job))
    }

    /// Puts an emit that could not be routed back, to be tried again later and later.
    async fn put_back(&self, handover: &Handover, error: &Error) {
        let host = &self.shared.host;
        let emit = &handover.emit;
        tracing::error!(emit = %emit.id, ?error, "emit {} cannot be routed yet", emit.id);
        let wait_s = (1_i64 << handover.claims.clamp(0, BACKOFF_DOUBLINGS_MAX)).min(BACKOFF_SECONDS_MAX);
        self.hold_until(handover, host.now().plus_millis(wait_s * 1_000), &error.to_string()).await;
    }

    /// Keeps everybody from an emit until then.
    async fn hold_until(&self, handover: &Handover, due_at: Time, why: &str) {
        let (host, emit) = (&self.shared.host, &handover.emit);
        let hold = async {
            let mut tx = host.db.begin().await?;
            db::emit::put_back(&mut tx, &emit.id, handover.claims, due_at, why).await?;
            tx.commit().await
        };
        if let Err(error) = hold.await {
            // The lease ends by itself, and then the emit is tried again all the same.
            tracing::error!(emit = %emit.id, error = ?error, "emit {} could not be put back", emit.id);
        }
    }
}

/// What the router is told beside the event and its candidates.
pub(super) fn call_for(emit: &Emit) -> Call {
    Call {
        organization: emit.organization_id.clone(),
        config: NO_CONFIG.into(),
        subscription_id: None,
        attempt: 1,
        attempted_at: emit.accepted_at,
    }
}

/// The targets that existed when the emit was accepted. What came before a subscription it gets by
/// catching up, if it asked for that, and never twice.
fn owed_at(targets: &[Arc<Target>], revision: i64) -> Cow<'_, [Arc<Target>]> {
    let is_owed = |target: &&Arc<Target>| target.since_revision <= revision;
    if targets.iter().all(|target| is_owed(&target)) {
        return Cow::Borrowed(targets);
    }
    Cow::Owned(targets.iter().filter(is_owed).cloned().collect())
}

/// Writes decisions, and only then starts what they start.
async fn write(shared: &Arc<Shared>, decisions: Vec<Decision>) {
    if decisions.is_empty() {
        return;
    }
    let (routed, jobs): (Vec<Routed>, Vec<_>) =
        decisions.into_iter().map(|decision| (decision.routed, decision.jobs)).unzip();
    let waiting: Vec<_> = routed
        .iter()
        .flat_map(|routed| {
            let unclaimed = routed.deliveries.iter().filter(|delivery| !delivery.is_claimed);
            unclaimed.map(|delivery| delivery.receiver.clone())
        })
        .collect();
    let held = match shared.host.ledger.route(routed).await {
        Ok(held) => held,
        Err(error) => {
            tracing::error!(error = ?error, "a batch of routed emits could not be written; their leases end by themselves");
            // Not at once again: the database needs a moment, and the leases hold.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return;
        }
    };
    for receiver in waiting {
        shared.slots.note_more(&receiver);
    }
    for (job, slot) in jobs.into_iter().flatten() {
        if held.contains(&job.emit.id) {
            job.start(shared, slot);
        }
    }
}

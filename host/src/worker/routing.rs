//! Routing: from an accepted emit to the deliveries it is owed.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    POLL_INTERVAL, Shared,
    choice::Effort,
    contained,
    decide::{Decision, Launch, decide},
};
use crate::{
    db::{
        self,
        ledger::{Handover, ROUTING_LEASE_MS},
    },
    domain::time::Time,
    error::{Error, Result},
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
                contained("a batch of routing", self.route(std::mem::take(&mut batch))).await;
            }
        }
    }

    async fn drain_backlog(&self) {
        match contained("a batch of routing", self.claim_backlog()).await {
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
        let mut tx = host.db.begin_unsynced().await?;
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
            match decide(&self.shared, &handover, Effort::OneCallEach).await {
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
            match decide(&this.shared, &handover, Effort::AsManyAsItTakes).await {
                Ok(decision) => write(&this.shared, decision.into_iter().collect()).await,
                Err(error) => this.put_back(&handover, &error).await,
            }
            drop(lane);
        });
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
            let mut tx = host.db.begin_unsynced().await?;
            db::emit::put_back(&mut tx, &emit.id, handover.claims, due_at, why).await?;
            tx.commit().await
        };
        if let Err(error) = hold.await {
            // The lease ends by itself, and then the emit is tried again all the same.
            tracing::error!(emit = %emit.id, error = ?error, "emit {} could not be put back", emit.id);
        }
    }
}

/// Writes decisions, and only then starts what they start.
async fn write(shared: &Arc<Shared>, decisions: Vec<Decision>) {
    if decisions.is_empty() {
        return;
    }
    let (routed, launches): (Vec<_>, Vec<_>) =
        decisions.into_iter().map(|decision| (decision.routed, decision.launch)).unzip();
    let held = match shared.host.ledger.route(routed).await {
        Ok(held) => held,
        Err(error) => {
            tracing::error!(error = ?error, "a batch of routed emits could not be written; their leases end by themselves");
            // Not at once again: the database needs a moment, and the leases hold.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return;
        }
    };
    Launch::go(launches, shared, &held);
}

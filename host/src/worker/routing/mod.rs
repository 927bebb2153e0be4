//! Routing: decides which receivers get an accepted emit, and writes their deliveries.
//!
//! Emits wait in memory in the queue of their organization, and organizations take turns. A turn is
//! decided on one of a few threads of routing's own, where the router runs in place within a small
//! budget; an event whose filters need more is routed by [`slow`]. So one organization's filters delay
//! its own events, and hold up no thread that serves requests or deliveries.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{POLL_INTERVAL, Shared, contained};
use crate::{
    db,
    domain::{
        id::{EmitId, OrganizationId},
        retry,
        time::Time,
    },
    error::{Error, Result},
    fail,
    ledger::{Handover, ROUTING_LEASE_MS, RoutingQueue, Turn, TurnWrite},
};
use decide::{Decided, Starts, decide};
use slow::Slow;

pub(super) mod decide;
mod slow;
pub(super) mod slow_events;

/// How long a turn may take before the next organization has one: as long as one quick call of a
/// router may take.
const TURN_TIME_MAX: Duration = Duration::from_millis(2);
/// Emits of one organization taken from the table together: few, because the table may have thousands.
const UNROUTED_EMITS_MAX: u32 = 64;
/// Organizations whose emits are taken from the table in one transaction.
const UNROUTED_ORGANIZATIONS_MAX: u32 = 16;
/// The wait before an emit that could not be routed is tried again, which doubles each time, and the longest.
const PUT_BACK_MS: i64 = 2_000;
const PUT_BACK_MS_MAX: i64 = 300_000;
/// The wait of emits that were taken from the table while the queue had no place for them.
const GIVE_BACK_MS: i64 = 500;

/// Threads that decide: one for each core, and at least two, because one organization may hold half of them.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// Turns that one organization may have under way at once.
pub fn turns_each_max() -> usize {
    threads() / 2
}

/// The worker that routes emits.
pub(super) struct Routing {
    shared: Arc<Shared>,
    queue: RoutingQueue,
    slow: Slow,
    /// The organization at which the last look at the table ended.
    cursor: Mutex<String>,
    /// Fires when a stop has begun and the table adds nothing to the queue any more.
    is_queue_final: CancellationToken,
}

impl Routing {
    pub(super) fn new(shared: Arc<Shared>, queue: RoutingQueue) -> Arc<Self> {
        let slow = Slow::new(shared.clone());
        Arc::new(Self { shared, queue, slow, cursor: Mutex::default(), is_queue_final: CancellationToken::new() })
    }

    /// Starts the threads that decide, and the task that looks at the table. Fails when the system has
    /// no thread left.
    pub(super) fn start(self: &Arc<Self>, loops: &TaskTracker, stop: &CancellationToken) -> Result<()> {
        for number in 0..threads() {
            let (runtime, run) = (Handle::current(), loops.track_future(self.clone().decide_turns()));
            let thread = thread::Builder::new().name(format!("weir-routing-{number}"));
            let no_thread = |cause| fail!(Unavailable, "there is no thread for routing").caused_by(cause);
            thread.spawn(move || runtime.block_on(run)).map_err(no_thread)?;
        }
        loops.spawn(self.clone().look_at_table(stop.clone()));
        Ok(())
    }

    /// Decides turn after turn until `stop` fires.
    async fn decide_turns(self: Arc<Self>) {
        loop {
            // The queue first: a stop waits until it is empty, or until its grace is over. An emit that is
            // left in it waits for the end of its lease.
            tokio::select! {
                biased;
                () = self.shared.give_up.cancelled() => return,
                turn = self.queue.next() => {
                    contained("a turn of routing", self.decide_turn(turn)).await;
                }
                () = self.is_queue_final.cancelled() => return,
            }
        }
    }

    /// Decides the emits of a turn, as far as its time goes; the rest waits for the next turn.
    async fn decide_turn(&self, mut turn: Turn) {
        let began = Instant::now();
        let mut decided = Vec::new();
        for handover in turn.by_ref() {
            decided.extend(self.decide_one(handover).await);
            if began.elapsed() >= TURN_TIME_MAX {
                break;
            }
        }
        if !decided.is_empty() {
            self.write(turn.write(), decided);
        }
    }

    /// Decides one emit here, or leaves it to the slow lane or to the table.
    async fn decide_one(&self, handover: Handover) -> Option<Decided> {
        match decide(&self.shared, &handover).await {
            Ok(Some(decided)) => return Some(decided),
            Ok(None) => self.slow.route(handover).await,
            Err(error) => put_back(&self.shared, &handover, &error).await,
        }
        None
    }

    /// Writes decisions beside the turns that follow.
    fn write(&self, turn: TurnWrite, decided: Vec<Decided>) {
        let shared = self.shared.clone();
        self.shared.routings.spawn(async move {
            write(&shared, turn.organization(), decided).await;
        });
    }

    /// Takes emits from the table for which the queue had no place, or that another process left.
    async fn look_at_table(self: Arc<Self>, stop: CancellationToken) {
        // The threads go on until the last claimed emits are in the queue and decided.
        let _ends_the_queue = self.is_queue_final.clone().drop_guard();
        loop {
            // Listening begins before the table is looked at, so that no ring in between is lost.
            let rung = self.shared.host.bells.emits_due.notified();
            match contained("a look for emits", self.claim_unrouted()).await {
                // There may be more due emits than one look claims.
                Some(Ok(count)) if count > 0 && !stop.is_cancelled() => continue,
                Some(Ok(_)) | None => {}
                Some(Err(error)) => tracing::error!(error = ?error, "routing could not look for waiting emits"),
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = rung => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    /// Claims due emits of a few organizations, queues them for their turns, and returns their number.
    pub(super) async fn claim_unrouted(&self) -> Result<usize> {
        let host = &self.shared.host;
        let now = host.now();
        let mut due = self.due_organizations(now).await?;
        due.retain(|organization| self.queue.has_room(organization));
        if due.is_empty() {
            return Ok(0);
        }
        let lease_ends = now.plus_millis(ROUTING_LEASE_MS);
        let mut claimed = Vec::new();
        let mut tx = host.db.begin_unsynced().await?;
        for organization in &due {
            claimed.extend(db::emit::claim_due(&mut tx, organization, now, lease_ends, UNROUTED_EMITS_MAX).await?);
        }
        tx.commit().await?;
        let count = claimed.len();
        let mut left_over = Vec::new();
        for stored in claimed {
            match self.queue.reserve(&stored.emit) {
                Some(place) => place.fill(Handover { emit: stored.emit, claims: stored.claims }),
                None => left_over.push((stored.emit.id.clone(), stored.claims)),
            }
        }
        self.give_back(&left_over).await?;
        Ok(count - left_over.len())
    }

    /// The next organizations, in turns, that have emits due in the table.
    async fn due_organizations(&self, now: Time) -> Result<Vec<OrganizationId>> {
        let after = std::mem::take(&mut *self.cursor.lock());
        let mut tx = self.shared.host.db.read().await?;
        let mut due = db::emit::due_organizations(&mut tx, now, &after, UNROUTED_ORGANIZATIONS_MAX).await?;
        if due.is_empty() && !after.is_empty() {
            due = db::emit::due_organizations(&mut tx, now, "", UNROUTED_ORGANIZATIONS_MAX).await?;
        }
        if let Some(last) = due.last() {
            *self.cursor.lock() = last.to_string();
        }
        Ok(due)
    }

    /// Gives claimed emits back for which the queue has no place.
    async fn give_back(&self, claims: &[(EmitId, i64)]) -> Result<()> {
        if claims.is_empty() {
            return Ok(());
        }
        let host = &self.shared.host;
        let due_at = host.now().plus_millis(GIVE_BACK_MS);
        let mut tx = host.db.begin_unsynced().await?;
        db::emit::put_back(&mut tx, claims, due_at, "other emits of the organization are routed first").await?;
        tx.commit().await
    }
}

/// Writes decisions, and only then starts their deliveries.
async fn write(shared: &Arc<Shared>, organization: &OrganizationId, decided: Vec<Decided>) {
    let (routed, starts): (Vec<_>, Vec<_>) =
        decided.into_iter().map(|decided| (decided.routed, decided.starts)).unzip();
    let held = match shared.host.ledger.route(organization, routed).await {
        Ok(held) => held,
        Err(error) => {
            tracing::error!(error = ?error, "routed emits could not be written; their leases end by themselves");
            // A pause before the next write: the database needs a moment, and the leases hold.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return;
        }
    };
    Starts::go(starts, shared, &held);
}

/// Puts an emit that could not be routed back into the table, to be tried again after a wait that doubles
/// each time.
async fn put_back(shared: &Shared, handover: &Handover, error: &Error) {
    let emit = &handover.emit;
    tracing::error!(emit = %emit.id, ?error, "emit {} cannot be routed yet", emit.id);
    let wait_ms = retry::doubling(handover.claims - 1, PUT_BACK_MS, PUT_BACK_MS_MAX);
    hold(shared, handover, wait_ms, &error.to_string()).await;
}

/// Keeps the workers of all hosts from an emit for `wait_ms`, and stores the reason.
async fn hold(shared: &Shared, handover: &Handover, wait_ms: i64, why: &str) {
    let (host, emit) = (&shared.host, &handover.emit);
    let due_at = host.now().plus_millis(wait_ms);
    let held = async {
        let mut tx = host.db.begin_unsynced().await?;
        db::emit::put_back(&mut tx, &[(emit.id.clone(), handover.claims)], due_at, why).await?;
        tx.commit().await
    };
    if let Err(error) = held.await {
        // The lease ends by itself, and then the emit is tried again all the same.
        tracing::error!(emit = %emit.id, error = ?error, "emit {} could not be put back", emit.id);
    }
}

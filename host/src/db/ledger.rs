//! The hot path into the database: one task that takes everything that waits, writes it in one
//! transaction, commits, and only then answers.
//!
//! Three kinds of entries come here, because they come thousands of times a second: accepted
//! emits, routed emits with their deliveries, and attempts. However many wait, a batch costs a
//! handful of set-based statements and one commit, which waits for the disk if an accept is in it.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::sync::{
    Notify,
    mpsc::{self, OwnedPermit},
    oneshot,
};

use super::{Db, Tx, emit, federation::relay_log};
use crate::{
    domain::{
        delivery::{Attempt, Status},
        emit::Emit,
        federation::RelayLog,
        id::{DeliveryId, EmitId, OrganizationId},
        receiver::ReceiverId,
        subscription::Turn,
        time::Time,
    },
    error::{Code, Error, Result},
    fail,
};

mod accept;
mod record;
mod route;

pub use route::owe;

/// Entries of one batch: beyond this a longer transaction only adds latency.
const BATCH_ENTRIES_MAX: usize = 512;
/// Payload bytes of one batch, for the same reason.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Entries that may wait. When so many do, the database does not keep up, and further emits are
/// refused at once instead of timing out later.
const QUEUE_ENTRIES_MAX: usize = 4_096;
/// How long attempts wait for others to be recorded with when nothing else is to be written: nobody
/// waits for them, and a commit for each handful of them would cost more than they do.
const ATTEMPTS_LINGER: Duration = Duration::from_millis(4);
/// How long a batch may take before its emits are answered `unavailable`: within the ten seconds
/// that clients wait.
const BATCH_TIME_MAX: Duration = Duration::from_secs(8);
/// How long an accepted emit belongs to the process that accepted it; then any may route it.
pub const ROUTING_LEASE_MS: i64 = 15_000;

/// An emit that was checked and waits to be accepted.
#[derive(Clone, Debug)]
pub struct NewEmit {
    /// The emit; everything was checked against its revision.
    pub emit: Arc<Emit>,
    /// Whether it counts toward the month.
    pub charge: Charge,
    /// Whether any subscription may want it at that revision. If none does there is nothing to
    /// choose from, and the emit is routed by being accepted.
    pub is_wanted: bool,
    /// Whether it is pushed to anybody at that revision: it is then kept for relaying.
    pub is_pushed: bool,
}

/// Whether an event counts toward the month's emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It counts, and the plan allows so many; `None` is unlimited.
    Counted(Option<i64>),
    /// It is none of the organization's own emits.
    Free,
}

/// What became of a [`NewEmit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It is kept.
    Accepted,
    /// The same request was accepted before, as this emit; nothing was done.
    Duplicate {
        /// The first emit.
        id: EmitId,
        /// The name that it was routed under.
        event_type: String,
    },
    /// The key was used before for another request; nothing was done.
    KeyReused,
    /// The month's emits are used up; nothing was done.
    OverQuota,
    /// The organization changed since the emit was checked: check again; nothing was done.
    Stale,
}

/// An accepted emit on its way to routing. The table says the same; this is faster.
#[derive(Clone, Debug)]
pub struct Handover {
    /// The emit. Subscriptions as of its revision, or a later one, get it.
    pub emit: Arc<Emit>,
    /// The fencing token of the claim that comes with it.
    pub claims: i64,
}

/// A routed emit with what it is owed to.
#[derive(Clone, Debug)]
pub struct Routed {
    /// The emit.
    pub emit_id: EmitId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The fencing token of the claim on the emit.
    pub claims: i64,
    /// When it was routed.
    pub routed_at: Time,
    /// One for each subscription that gets it.
    pub deliveries: Vec<NewDelivery>,
    /// What is said of it, to those who want to know.
    pub lifecycle: Vec<Emit>,
}

/// A delivery as routing creates it.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub receiver: ReceiverId,
    /// Added by the router.
    pub attributes: Vec<(String, String)>,
    /// When it is due; when claimed, when the claim ends.
    pub due_at: Time,
    /// Whether the creating process delivers it at once: it then holds claim number 1.
    pub is_claimed: bool,
}

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// The fencing token of the claim under which it was tried.
    pub claims: i64,
    /// What happened; `None` when it never came to a try, so that none is used up.
    pub attempt: Option<Attempt>,
    /// The state that follows.
    pub status: Status,
    /// When it is due again; `None` when it is finished.
    pub due_at: Option<Time>,
    /// Why it is not delivered.
    pub error_message: Option<String>,
    /// The turn that its endpoint took by it.
    pub turn: Option<(ReceiverId, Turn)>,
    /// What the log of relays says of it.
    pub relay: Option<RelayLog>,
    /// What is said of it, to those who want to know.
    pub lifecycle: Vec<Emit>,
    /// The present.
    pub now: Time,
}

type Answer<T> = oneshot::Sender<Result<T>>;

enum Entry {
    Accept(NewEmit, Answer<Acceptance>),
    Route(Vec<Routed>, Answer<HashSet<EmitId>>),
    Record(Box<Attempted>, Answer<bool>),
}

impl Entry {
    /// Whether somebody waits for it.
    fn is_urgent(&self) -> bool {
        !matches!(self, Self::Record(..))
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Accept(new, _) => new.emit.payload.len(),
            Self::Route(routed, _) => routed.iter().map(|routed| 256 * (1 + routed.deliveries.len())).sum(),
            Self::Record(..) => 512,
        }
    }

    fn fail(self, error: &Error) {
        // Whoever asked may have gone away meanwhile; then nobody needs the answer.
        match self {
            Self::Accept(_, answer) => drop(answer.send(Err(error.share()))),
            Self::Route(_, answer) => drop(answer.send(Err(error.share()))),
            Self::Record(_, answer) => drop(answer.send(Err(error.share()))),
        }
    }
}

/// The way into the ledger. Cheap to clone; the task ends when the last one is dropped.
#[derive(Clone)]
pub struct Ledger {
    entries: mpsc::Sender<Entry>,
    accepted: Arc<AtomicU64>,
}

/// Where accepted emits are handed over for routing.
#[derive(Clone)]
pub struct RoutingQueue {
    /// The queue. When it is full, the emit waits in the table.
    pub handovers: mpsc::Sender<Handover>,
    /// Rung when an emit waits in the table.
    pub backlog: Arc<Notify>,
    /// Rung when an emit is to be relayed.
    pub relays: Arc<Notify>,
}

impl Ledger {
    /// Starts the task, on a thread of its own: everybody waits for it, and among the tasks of
    /// requests it would have to wait its turn after each statement. Fails when the system has no
    /// thread left.
    pub fn start(db: Db, routing: RoutingQueue) -> Result<Self> {
        let (entries, waiting) = mpsc::channel(QUEUE_ENTRIES_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let work = move || runtime.block_on(run(db, routing, waiting));
        thread::Builder::new().name("weir-ledger".to_owned()).spawn(work).map_err(no_thread)?;
        Ok(Self { entries, accepted: Arc::default() })
    }

    /// Accepts an emit. `Ok(Accepted)` means that it survives power loss.
    pub async fn accept(&self, emit: NewEmit) -> Result<Acceptance> {
        let (answer, answered) = oneshot::channel();
        self.entries.try_send(Entry::Accept(emit, answer)).map_err(|_| {
            fail!(Unavailable, "too many emits wait for the database; nothing was accepted").retry_after(1)
        })?;
        let acceptance = answered.await.map_err(|_| stopped())??;
        self.accepted.fetch_add(u64::from(acceptance == Acceptance::Accepted), Ordering::Relaxed);
        Ok(acceptance)
    }

    /// Emits that were accepted since the start: whoever works beside them sees whether there are any.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Writes deliveries and marks their emits as routed. Gives those emits whose claim still
    /// held; the deliveries of the others were not written.
    pub async fn route(&self, routed: Vec<Routed>) -> Result<HashSet<EmitId>> {
        let (answer, answered) = oneshot::channel();
        self.entries.send(Entry::Route(routed, answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// Records an attempt; false when the claim no longer held and nothing was recorded.
    pub async fn record(&self, attempted: Attempted) -> Result<bool> {
        let (answer, answered) = oneshot::channel();
        self.entries.send(Entry::Record(Box::new(attempted), answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

fn no_thread(cause: io::Error) -> Error {
    fail!(Unavailable, "there is no thread for the ledger").caused_by(cause)
}

fn stopped() -> Error {
    fail!(Unavailable, "the host is stopping").retry_after(1)
}

async fn run(db: Db, routing: RoutingQueue, mut waiting: mpsc::Receiver<Entry>) {
    while let Some(first) = waiting.recv().await {
        let batch = gather(first, &mut waiting).await;
        // A panic, which would be a bug, ends its batch alone: whoever waits for it is told that
        // nothing is certain, and the next batch is written.
        let settling = tokio::spawn(settle(db.clone(), routing.clone(), batch));
        if let Err(cause) = settling.await {
            tracing::error!(%cause, "a bug ended a batch of the ledger");
        }
    }
}

/// Everything that waits, as far as it fits a batch; attempts alone wait a little for more.
async fn gather(first: Entry, waiting: &mut mpsc::Receiver<Entry>) -> Vec<Entry> {
    let linger_ends = tokio::time::Instant::now() + ATTEMPTS_LINGER;
    let (mut bytes, mut is_urgent) = (first.bytes(), first.is_urgent());
    let mut batch = vec![first];
    while batch.len() < BATCH_ENTRIES_MAX && bytes < BATCH_BYTES_MAX {
        let next = match waiting.try_recv() {
            Ok(entry) => Some(entry),
            Err(_) if is_urgent => None,
            Err(_) => tokio::time::timeout_at(linger_ends, waiting.recv()).await.ok().flatten(),
        };
        let Some(entry) = next else { break };
        bytes += entry.bytes();
        is_urgent |= entry.is_urgent();
        batch.push(entry);
    }
    batch
}

/// Writes a batch and answers it. When the database refuses the batch as a whole, although it is
/// up, each entry is tried alone, so that one bad entry harms no other.
async fn settle(db: Db, routing: RoutingQueue, batch: Vec<Entry>) {
    let mut pending = vec![batch];
    while let Some(batch) = pending.pop() {
        match tokio::time::timeout(BATCH_TIME_MAX, Written::write(&db, &routing, &batch)).await {
            Ok(Ok(written)) => written.answer(&routing, batch),
            Ok(Err(error)) if error.code() == Code::Unavailable || batch.len() == 1 => {
                tracing::error!(error = ?error, entries = batch.len(), "the ledger could not write a batch");
                refuse(batch, &error);
            }
            Ok(Err(error)) => {
                tracing::error!(error = ?error, entries = batch.len(), "a batch was refused; its entries are tried alone");
                pending.extend(batch.into_iter().map(|entry| vec![entry]));
            }
            Err(_elapsed) => {
                let error = fail!(Unavailable, "the database did not answer in time").retry_after(1);
                tracing::error!(entries = batch.len(), "the database did not answer the ledger in time");
                refuse(batch, &error);
            }
        }
    }
}

fn refuse(batch: Vec<Entry>, error: &Error) {
    for entry in batch {
        entry.fail(error);
    }
}

/// What a committed batch has to say to each of its entries, kind by kind and in their order.
struct Written {
    acceptances: Vec<Acceptance>,
    permits: HashMap<EmitId, OwnedPermit<Handover>>,
    routed: HashSet<EmitId>,
    recorded: HashSet<DeliveryId>,
}

impl Written {
    async fn write(db: &Db, routing: &RoutingQueue, batch: &[Entry]) -> Result<Self> {
        let mut emits: Vec<&NewEmit> = Vec::new();
        let mut routes: Vec<&Routed> = Vec::new();
        let mut attempts: Vec<&Attempted> = Vec::new();
        for entry in batch {
            match entry {
                Entry::Accept(emit, _) => emits.push(emit),
                Entry::Route(routed, _) => routes.extend(routed),
                Entry::Record(attempted, _) => attempts.push(attempted),
            }
        }
        // A place in the routing queue is taken before the emit is written, because the row says
        // whether this process has the emit or it waits in the table.
        let permits: HashMap<EmitId, OwnedPermit<Handover>> = emits
            .iter()
            .filter(|new| new.is_wanted)
            .map_while(|new| Some((new.emit.id.clone(), routing.handovers.clone().try_reserve_owned().ok()?)))
            .collect();
        // Only who is answered a 202 waits for the disk. Routing and attempts that power loss takes
        // are made again.
        let mut tx: Tx = if emits.is_empty() { db.begin_unsynced().await? } else { db.begin().await? };
        let acceptances = accept::accept(&mut tx, &emits, |emit| permits.contains_key(&emit.id)).await?;
        let routed = route::route(&mut tx, &routes).await?;
        let recorded = record::record(&mut tx, &attempts).await?;
        let (routed, recorded): (HashSet<_>, HashSet<_>) =
            (routed.into_iter().collect(), recorded.into_iter().collect());
        let of_routes =
            routes.iter().filter(|route| routed.contains(&route.emit_id)).flat_map(|route| &route.lifecycle);
        let held: Vec<&Attempted> =
            attempts.into_iter().filter(|attempted| recorded.contains(&attempted.delivery_id)).collect();
        let of_attempts = held.iter().flat_map(|attempted| &attempted.lifecycle);
        let lifecycle: Vec<Emit> = of_routes.chain(of_attempts).cloned().collect();
        emit::record(&mut tx, &lifecycle).await?;
        relay_log::insert(&mut tx, held.iter().filter_map(|attempted| attempted.relay.as_ref())).await?;
        tx.commit().await?;
        if !lifecycle.is_empty() {
            routing.backlog.notify_one();
        }
        Ok(Self { acceptances, permits, routed, recorded })
    }

    fn answer(mut self, routing: &RoutingQueue, batch: Vec<Entry>) {
        let mut acceptances = self.acceptances.into_iter();
        for entry in batch {
            match entry {
                Entry::Accept(new, answer) => {
                    let Some(acceptance) = acceptances.next() else { continue };
                    if acceptance == Acceptance::Accepted && new.is_pushed {
                        routing.relays.notify_one();
                    }
                    if acceptance == Acceptance::Accepted && new.is_wanted {
                        match self.permits.remove(&new.emit.id) {
                            Some(permit) => {
                                drop(permit.send(Handover { emit: new.emit, claims: 1 }));
                            }
                            None => routing.backlog.notify_one(),
                        }
                    }
                    drop(answer.send(Ok(acceptance)));
                }
                Entry::Route(routes, answer) => {
                    let held = routes.into_iter().map(|routed| routed.emit_id).filter(|id| self.routed.contains(id));
                    drop(answer.send(Ok(held.collect())));
                }
                Entry::Record(attempted, answer) => {
                    drop(answer.send(Ok(self.recorded.contains(&attempted.delivery_id))));
                }
            }
        }
    }
}

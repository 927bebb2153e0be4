//! The ledger, the hot path into the database: one task that takes all writes that wait, writes them in one
//! transaction, commits, and only then replies.
//!
//! Three kinds of writes come here, because they come thousands of times a second: accepted emits, routed
//! emits with their deliveries, and settled claims on deliveries. However many wait, a batch costs a handful
//! of set-based statements and one commit, which waits for the disk if an accept is in it ([`batch`]).
//! Accepted emits are handed to routing in memory ([`queue`]); [`bells`] wake the workers for rows that wait
//! in the table.

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    db::{
        Db,
        emit::{Acceptance, NewEmit, Routed},
    },
    domain::{delivery::Settled, id::EmitId},
    error::{Error, Result},
    fail,
};
use batch::Write;

mod batch;
mod bells;
mod queue;

pub use batch::ROUTING_LEASE_MS;
pub use bells::Bells;
pub use queue::{Handover, RoutingQueue, Turn};

/// Writes that may wait. When so many do, the database does not keep up, and further emits are refused at
/// once instead of late.
const QUEUE_WRITES_MAX: usize = 4_096;

/// The way into the ledger. Cheap to clone; the task ends when the last clone is dropped.
#[derive(Clone)]
pub struct Ledger {
    writes: mpsc::Sender<Write>,
    accepted: Arc<AtomicU64>,
}

impl Ledger {
    /// Starts the task on a thread of its own: every request waits for it, and among the tasks of
    /// requests it would have to wait its turn after each statement. Fails when the system has no
    /// thread left.
    pub fn start(db: Db, routing: RoutingQueue, bells: Bells) -> Result<Self> {
        let (writes, waiting) = mpsc::channel(QUEUE_WRITES_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let work = move || runtime.block_on(batch::run(db, routing, bells, waiting));
        thread::Builder::new().name("weir-ledger".to_owned()).spawn(work).map_err(no_thread)?;
        Ok(Self { writes, accepted: Arc::default() })
    }

    /// Accepts an emit. `Ok(Accepted)` means that it survives power loss.
    pub async fn accept(&self, emit: NewEmit) -> Result<Acceptance> {
        let (reply, replied) = oneshot::channel();
        self.writes.try_send(Write::Accept(emit, reply)).map_err(|_| {
            fail!(Unavailable, "too many emits wait for the database; nothing was accepted").retry_after(1)
        })?;
        let acceptance = replied.await.map_err(|_| stopped())??;
        self.accepted.fetch_add(u64::from(matches!(acceptance, Acceptance::Accepted { .. })), Ordering::Relaxed);
        Ok(acceptance)
    }

    /// The number of emits accepted since the start, by which background work sees whether there is traffic.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Writes deliveries and marks their emits as routed. Returns the emits whose claim still held; the
    /// deliveries of the others were not written.
    pub async fn route(&self, routed: Vec<Routed>) -> Result<HashSet<EmitId>> {
        let (reply, replied) = oneshot::channel();
        self.writes.send(Write::Route(routed, reply)).await.map_err(|_| stopped())?;
        replied.await.map_err(|_| stopped())?
    }

    /// Settles a claim on a delivery; false when the claim no longer held and nothing was written.
    pub async fn settle(&self, settled: Settled) -> Result<bool> {
        let (reply, replied) = oneshot::channel();
        self.writes.send(Write::Settle(Box::new(settled), reply)).await.map_err(|_| stopped())?;
        replied.await.map_err(|_| stopped())?
    }
}

fn no_thread(cause: io::Error) -> Error {
    fail!(Unavailable, "there is no thread for the ledger").caused_by(cause)
}

fn stopped() -> Error {
    fail!(Unavailable, "the host is stopping").retry_after(1)
}

//! The ledger, the hot path into the database: one task that takes all writes that wait, writes them in one
//! transaction, commits, and only then replies.
//!
//! The writes come here that come thousands of times a second: accepted emits, routed emits with their
//! deliveries, settled claims on deliveries, and announcements of refused emits. They wait in a lane per organization, and
//! organizations share a batch in turns ([`waiting`]). However many wait, a batch costs a handful of set-based
//! statements and one commit, which waits for the disk if an accept is in it ([`batch`]). Accepted emits are handed to routing in memory ([`queue`]); [`bells`] wake the workers for rows that wait
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

use tokio::sync::oneshot;

use crate::{
    db::{
        Db,
        emit::{Acceptance, NewEmit, Routed},
    },
    domain::{
        delivery::Settled,
        emit::Emit,
        id::{EmitId, OrganizationId},
    },
    error::{Error, Result},
    fail,
};
use waiting::{Full, Waiting};
use write::Write;

mod batch;
mod bells;
mod queue;
mod waiting;
mod write;

pub use batch::ROUTING_LEASE_MS;
pub use bells::Bells;
pub use queue::{Handover, RoutingQueue, Turn, TurnWrite};

/// The way into the ledger. Cheap to clone; the task ends when the last clone is dropped.
#[derive(Clone)]
pub struct Ledger {
    waiting: Waiting,
    accepted: Arc<AtomicU64>,
    _end: Arc<End>,
}

/// Ends the task when the last clone of the ledger is dropped.
struct End(Waiting);

impl Drop for End {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Ledger {
    /// Starts the task on a thread of its own: every request waits for it, and among the tasks of
    /// requests it would have to wait its turn after each statement. Fails when the system has no
    /// thread left.
    pub fn start(db: Db, routing: RoutingQueue, bells: Bells) -> Result<Self> {
        let waiting = Waiting::new();
        let end = Arc::new(End(waiting.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let writes = waiting.clone();
        let work = move || runtime.block_on(batch::run(db, routing, bells, writes));
        thread::Builder::new().name("weir-ledger".to_owned()).spawn(work).map_err(no_thread)?;
        Ok(Self { waiting, accepted: Arc::default(), _end: end })
    }

    /// Accepts an emit. `Ok(Accepted)` means that it survives power loss.
    pub async fn accept(&self, emit: NewEmit) -> Result<Acceptance> {
        let (reply, replied) = oneshot::channel();
        let organization = emit.emit.organization_id.clone();
        self.waiting.push(&organization, Write::Accept(emit, reply)).map_err(no_place)?;
        let acceptance = replied.await.map_err(|_| stopped())??;
        self.accepted.fetch_add(u64::from(matches!(acceptance, Acceptance::Accepted { .. })), Ordering::Relaxed);
        Ok(acceptance)
    }

    /// The number of emits accepted since the start, by which background work sees whether there is traffic.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Writes deliveries and marks their emits, which are of one organization, as routed. Returns the emits whose claim still held; the
    /// deliveries of the others were not written.
    pub async fn route(&self, organization: &OrganizationId, routed: Vec<Routed>) -> Result<HashSet<EmitId>> {
        let (reply, replied) = oneshot::channel();
        self.waiting.push(organization, Write::Route(routed, reply)).map_err(no_place)?;
        replied.await.map_err(|_| stopped())?
    }

    /// Writes lifecycle events of an organization, due for routing at once.
    pub async fn announce(&self, organization: &OrganizationId, events: Vec<Emit>) -> Result<()> {
        let (reply, replied) = oneshot::channel();
        self.waiting.push(organization, Write::Announce(events, reply)).map_err(no_place)?;
        replied.await.map_err(|_| stopped())?
    }

    /// Settles a claim on a delivery; false when the claim no longer held and nothing was written.
    pub async fn settle(&self, organization: &OrganizationId, settled: Settled) -> Result<bool> {
        let (reply, replied) = oneshot::channel();
        self.waiting.push(organization, Write::Settle(Box::new(settled), reply)).map_err(no_place)?;
        replied.await.map_err(|_| stopped())?
    }
}

fn no_thread(cause: io::Error) -> Error {
    fail!(Unavailable, "there is no thread for the ledger").caused_by(cause)
}

fn no_place(full: Full) -> Error {
    match full {
        Full::Organization => {
            fail!(RateLimited, "too many emits of your organization wait for the database; nothing was accepted")
                .retry_after(1)
        }
        Full::Ledger => fail!(Unavailable, "too many emits wait for the database; nothing was accepted").retry_after(1),
    }
}

fn stopped() -> Error {
    fail!(Unavailable, "the host is stopping").retry_after(1)
}

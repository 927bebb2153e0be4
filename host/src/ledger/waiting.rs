//! The writes that wait for the ledger, in a lane per organization.
//!
//! A batch takes one write of each organization in turn. While several organizations write, one fills a part
//! of a batch only, so that a batch ends soon and the next one has the others' writes in it: the queue of
//! one organization delays its own writes.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::write::Write;
use crate::domain::id::OrganizationId;

/// Writes of one batch: beyond this a longer transaction only adds latency.
const BATCH_WRITES_MAX: usize = 512;
/// Bytes of one batch, for the same reason.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Writes of one organization in a batch while others write too: some two milliseconds.
const BATCH_WRITES_SHARED_MAX: usize = 64;
/// Bytes of one organization in a batch while others write too. A larger write goes alone.
const BATCH_BYTES_SHARED_MAX: usize = 64 << 10;
/// How long settled claims wait for others when there is nothing else to write: no request waits for
/// them, and a commit for each handful of them would cost more than they do.
const SETTLED_LINGER: Duration = Duration::from_millis(4);
/// How long an organization counts as one that writes.
const WRITES_LATELY: Duration = Duration::from_secs(1);

/// Accepts that may wait. When so many do, the database does not keep up, and further emits are refused at
/// once instead of late.
const ACCEPTS_MAX: usize = 4_096;
/// Accepts of one organization that may wait: a quarter of all.
const ACCEPTS_EACH_MAX: usize = ACCEPTS_MAX / 4;

/// The writes that wait. Clones share them.
#[derive(Clone)]
pub(super) struct Waiting(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Rung when a write came, and at the end.
    changed: Notify,
}

struct State {
    lanes: HashMap<OrganizationId, Lane>,
    /// Organizations with waiting writes, the next one in front.
    order: VecDeque<OrganizationId>,
    /// Accepts that wait, of all organizations.
    accepts: usize,
    /// Writes that a client or an emit waits for.
    urgent: usize,
    /// When lanes without writes were last forgotten.
    tidied_at: Instant,
    is_closed: bool,
}

struct Lane {
    writes: VecDeque<Write>,
    accepts: usize,
    last_write: Instant,
}

/// The writes that a batch takes of one organization so far.
#[derive(Default)]
struct Taken {
    writes: usize,
    bytes: usize,
}

/// Why a write may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The organization has too many that wait.
    Organization,
    /// All organizations together have.
    Ledger,
}

impl Waiting {
    pub(super) fn new() -> Self {
        let state = State {
            lanes: HashMap::new(),
            order: VecDeque::new(),
            accepts: 0,
            urgent: 0,
            tidied_at: Instant::now(),
            is_closed: false,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    /// Adds a write. Only accepts are refused: the others are few, and their senders wait for each.
    pub(super) fn push(&self, organization: &OrganizationId, write: Write) -> Result<(), Full> {
        self.state().push(organization, write, Instant::now())?;
        self.0.changed.notify_one();
        Ok(())
    }

    /// Lets [`Self::batch`] end once no write is left.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.0.changed.notify_one();
    }

    /// Waits for writes and takes as many as fit a batch; none at the end. Settled claims alone wait a
    /// little for more.
    pub(super) async fn batch(&self) -> Vec<Write> {
        let mut linger_ends = None;
        loop {
            {
                let mut state = self.state();
                let is_over = linger_ends.is_some_and(|ends| Instant::now() >= ends);
                if state.is_closed || state.urgent > 0 || (is_over && !state.order.is_empty()) {
                    return state.take(Instant::now());
                }
                if !state.order.is_empty() && linger_ends.is_none() {
                    linger_ends = Some(Instant::now() + SETTLED_LINGER);
                }
            }
            match linger_ends {
                Some(ends) => drop(timeout_at(ends, self.0.changed.notified()).await),
                None => self.0.changed.notified().await,
            }
        }
    }
}

impl State {
    fn push(&mut self, organization: &OrganizationId, write: Write, now: Instant) -> Result<(), Full> {
        let new = || Lane { writes: VecDeque::new(), accepts: 0, last_write: now };
        let lane = self.lanes.entry(organization.clone()).or_insert_with(new);
        if write.is_accept() {
            if self.accepts >= ACCEPTS_MAX {
                return Err(Full::Ledger);
            }
            if lane.accepts >= ACCEPTS_EACH_MAX {
                return Err(Full::Organization);
            }
            self.accepts += 1;
            lane.accepts += 1;
        }
        self.urgent += usize::from(write.is_urgent());
        lane.last_write = now;
        if lane.writes.is_empty() {
            self.order.push_back(organization.clone());
        }
        lane.writes.push_back(write);
        Ok(())
    }

    /// Takes a batch: a write of each organization in turn.
    fn take(&mut self, now: Instant) -> Vec<Write> {
        self.tidy(now);
        let is_shared = self.lanes.len() > 1;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut taken: HashMap<OrganizationId, Taken> = HashMap::new();
        // Organizations whose share of this batch is used up are first in the next one.
        let mut waiting_on = VecDeque::new();
        while batch.len() < BATCH_WRITES_MAX
            && bytes < BATCH_BYTES_MAX
            && let Some(organization) = self.order.pop_front()
        {
            let of_it = taken.entry(organization.clone()).or_default();
            if is_shared && !of_it.has_room(self.next_bytes(&organization)) {
                waiting_on.push_back(organization);
                continue;
            }
            let Some(write) = self.pop(&organization) else { continue };
            let size = write.bytes();
            bytes += size;
            of_it.writes += 1;
            of_it.bytes += size;
            batch.push(write);
            if self.lanes.get(&organization).is_some_and(|lane| !lane.writes.is_empty()) {
                self.order.push_back(organization);
            }
        }
        waiting_on.append(&mut self.order);
        self.order = waiting_on;
        batch
    }

    fn next_bytes(&self, organization: &OrganizationId) -> usize {
        self.lanes.get(organization).and_then(|lane| lane.writes.front()).map_or(0, Write::bytes)
    }

    fn pop(&mut self, organization: &OrganizationId) -> Option<Write> {
        let lane = self.lanes.get_mut(organization)?;
        let write = lane.writes.pop_front()?;
        if write.is_accept() {
            self.accepts -= 1;
            lane.accepts -= 1;
        }
        self.urgent -= usize::from(write.is_urgent());
        Some(write)
    }

    /// Forgets organizations that have not written lately.
    fn tidy(&mut self, now: Instant) {
        if now - self.tidied_at >= WRITES_LATELY {
            self.tidied_at = now;
            self.lanes.retain(|_, lane| !lane.writes.is_empty() || now - lane.last_write < WRITES_LATELY);
        }
    }
}

impl Taken {
    /// Whether one more write, of so many bytes, fits the share of an organization.
    fn has_room(&self, bytes: usize) -> bool {
        self.writes == 0
            || (self.writes < BATCH_WRITES_SHARED_MAX && self.bytes.saturating_add(bytes) <= BATCH_BYTES_SHARED_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;
    use crate::{
        db::emit::{Charge, NewEmit, Routed},
        domain::{
            emit::{Emit, Fact, Subject},
            id::EmitId,
            time::Time,
        },
    };

    fn organization(name: &str) -> OrganizationId {
        OrganizationId::stored(name)
    }

    fn accept(organization: &OrganizationId, payload_bytes: usize) -> Write {
        let now = Time::from_millis(1);
        let emit = Emit {
            id: EmitId::new(now, 1),
            organization_id: organization.clone(),
            subject: Subject::Ingested(Fact { event_type: "test".to_owned(), entity: None }),
            payload: "x".repeat(payload_bytes).into(),
            idempotency: None,
            chain_depth: 0,
            emitted_by: String::new(),
            accepted_at: now,
            revision: 1,
            source: None,
        };
        let new = NewEmit {
            emit: Arc::new(emit),
            rules_revision: 1,
            charge: Charge::Free,
            is_wanted: false,
            is_pushed: false,
        };
        Write::Accept(new, oneshot::channel().0)
    }

    fn route() -> Write {
        Write::Route(Vec::<Routed>::new(), oneshot::channel::<crate::error::Result<HashSet<EmitId>>>().0)
    }

    fn push(waiting: &Waiting, name: &str, count: usize, payload_bytes: usize) {
        let organization = organization(name);
        for _ in 0..count {
            waiting.push(&organization, accept(&organization, payload_bytes)).expect("there is room");
        }
    }

    /// How many accepts of each organization the next batch has.
    fn next(waiting: &Waiting, names: [&str; 2]) -> [usize; 2] {
        let batch = waiting.batch().now_or_never().expect("writes wait");
        names.map(|name| {
            let is_of =
                |write: &&Write| matches!(write, Write::Accept(new, _) if new.emit.organization_id.as_str() == name);
            batch.iter().filter(is_of).count()
        })
    }

    #[tokio::test]
    async fn one_organization_alone_fills_batches() {
        let waiting = Waiting::new();
        push(&waiting, "org_a", BATCH_WRITES_MAX + 1, 10);
        assert_eq!(next(&waiting, ["org_a", "org_b"]), [BATCH_WRITES_MAX, 0]);
        assert_eq!(next(&waiting, ["org_a", "org_b"]), [1, 0]);
        push(&waiting, "org_a", 9, BATCH_BYTES_MAX / 4);
        assert_eq!(next(&waiting, ["org_a", "org_b"]), [4, 0]);
    }

    #[tokio::test]
    async fn beside_others_an_organization_has_its_share_of_a_batch() {
        let waiting = Waiting::new();
        push(&waiting, "org_a", 900, 10);
        push(&waiting, "org_b", 1, 10);
        assert_eq!(next(&waiting, ["org_a", "org_b"]), [BATCH_WRITES_SHARED_MAX, 1]);
        push(&waiting, "org_b", 3, 10);
        assert_eq!(next(&waiting, ["org_a", "org_b"]), [BATCH_WRITES_SHARED_MAX, 3]);
        assert_eq!(next(&waiting, ["org_a", "org_b"])[0], BATCH_WRITES_SHARED_MAX, "b wrote a moment ago");
    }

    #[tokio::test]
    async fn beside_others_large_writes_go_alone() {
        let waiting = Waiting::new();
        push(&waiting, "org_a", 3, BATCH_BYTES_SHARED_MAX * 2);
        push(&waiting, "org_b", 3, 10);
        assert_eq!(next(&waiting, ["org_a", "org_b"]), [1, 3]);
        assert_eq!(next(&waiting, ["org_a", "org_b"]), [1, 0]);
    }

    #[tokio::test]
    async fn an_organization_that_stopped_writing_takes_no_share() {
        let waiting = Waiting::new();
        push(&waiting, "org_b", 1, 10);
        push(&waiting, "org_a", 200, 10);
        assert_eq!(next(&waiting, ["org_a", "org_b"]), [BATCH_WRITES_SHARED_MAX, 1]);
        let mut state = waiting.state();
        assert_eq!(state.take(Instant::now() + WRITES_LATELY).len(), 200 - BATCH_WRITES_SHARED_MAX);
        assert_eq!(state.lanes.len(), 1);
    }

    #[tokio::test]
    async fn an_organization_fills_a_quarter_of_what_may_wait() {
        let waiting = Waiting::new();
        let organizations = ["org_a", "org_b", "org_c", "org_d"];
        push(&waiting, "org_a", ACCEPTS_EACH_MAX, 1);
        let again = |name| waiting.push(&organization(name), accept(&organization(name), 1));
        assert_eq!(again("org_a"), Err(Full::Organization));
        waiting.push(&organization("org_a"), route()).expect("what is accepted is routed");
        for name in &organizations[1..] {
            push(&waiting, name, ACCEPTS_EACH_MAX, 1);
        }
        assert_eq!(again("org_e"), Err(Full::Ledger));
        assert!(waiting.batch().now_or_never().is_some());
        assert_eq!(again("org_e"), Ok(()), "and room again");
    }

    #[tokio::test]
    async fn the_end_comes_after_the_last_write() {
        let waiting = Waiting::new();
        push(&waiting, "org_a", 1, 10);
        waiting.close();
        assert_eq!(waiting.batch().await.len(), 1);
        assert_eq!(waiting.batch().await.len(), 0);
    }
}

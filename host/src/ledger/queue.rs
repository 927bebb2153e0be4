//! The routing queue: accepted emits that wait in memory to be routed, in turns per organization.
//!
//! The table is the truth: an emit that finds no place here waits there. Organizations take turns,
//! each with as many emits as fit a turn, and one organization has a bounded number of turns under
//! way at once. So the length of one organization's queue, and the time that its filters take, delay
//! its own emits and those of others by no more than a turn.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::domain::{
    emit::Emit,
    id::OrganizationId,
    limits::{ROUTING_QUEUE_BYTES_MAX, ROUTING_QUEUE_ORGANIZATION_BYTES_MAX},
};

/// Emits of one turn at most: a turn ends earlier when it has taken long.
const TURN_EMITS_MAX: usize = 256;
/// Turns of one organization that are being written while its next ones are decided: more than the ledger
/// takes into a batch only wait there.
const WRITES_EACH_MAX: usize = 64;
/// Bytes that an emit takes in memory beside its payload.
const EMIT_BYTES: usize = 512;

/// An accepted emit that is handed to routing in memory. The table has it as well; this way is faster.
#[derive(Clone, Debug)]
pub struct Handover {
    /// The emit. Subscriptions as of its revision, or a later one, get it.
    pub emit: Arc<Emit>,
    /// The fencing token of the claim on the emit that comes with it.
    pub claims: i64,
}

impl Handover {
    fn bytes(&self) -> usize {
        bytes(&self.emit)
    }
}

fn bytes(emit: &Emit) -> usize {
    EMIT_BYTES + emit.payload.len()
}

/// The queue of all organizations. Clones share it.
#[derive(Clone)]
pub struct RoutingQueue {
    state: Arc<Mutex<State>>,
    /// Rung when an organization may have a turn.
    changed: Arc<Notify>,
    /// Turns that one organization may have under way at once.
    turns_each_max: usize,
}

struct State {
    bytes_free: usize,
    lanes: HashMap<OrganizationId, Lane>,
    /// Organizations that may have a turn, the next one in front. Each stands here at most once.
    order: VecDeque<OrganizationId>,
}

/// One organization's part of the queue.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Handover>,
    /// Bytes of places that are taken, whether their emit has come yet or not.
    bytes: usize,
    turns_under_way: usize,
    /// Turns that are being written.
    writes_under_way: usize,
    is_in_order: bool,
}

impl Lane {
    fn is_idle(&self) -> bool {
        self.bytes == 0 && self.turns_under_way == 0 && self.writes_under_way == 0
    }
}

/// The right to put one emit into the queue. Dropping it without [`Place::fill`] frees the place.
pub struct Place {
    queue: RoutingQueue,
    organization: OrganizationId,
    bytes: usize,
}

/// A turn that is being written. Its organization may have so many at once.
pub struct TurnWrite {
    queue: RoutingQueue,
    organization: OrganizationId,
}

/// Emits of one organization whose turn it is. Dropping it puts the emits that are left back to the front of
/// the organization's queue.
pub struct Turn {
    queue: RoutingQueue,
    organization: OrganizationId,
    emits: VecDeque<Handover>,
}

impl RoutingQueue {
    /// An empty queue that lets one organization have `turns_each_max` turns under way at once.
    pub fn new(turns_each_max: usize) -> Self {
        let state = State { bytes_free: ROUTING_QUEUE_BYTES_MAX, lanes: HashMap::new(), order: VecDeque::new() };
        Self { state: Arc::new(Mutex::new(state)), changed: Arc::default(), turns_each_max: turns_each_max.max(1) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// A place for an emit; `None` when the queue, or the organization's share of it, is full.
    pub fn reserve(&self, emit: &Emit) -> Option<Place> {
        let bytes = bytes(emit);
        let mut state = self.state();
        if bytes > state.bytes_free {
            return None;
        }
        let lane = state.lanes.entry(emit.organization_id.clone()).or_default();
        // An emit that is larger than the share has a place when it is alone.
        if lane.bytes > 0 && lane.bytes + bytes > ROUTING_QUEUE_ORGANIZATION_BYTES_MAX {
            return None;
        }
        lane.bytes += bytes;
        state.bytes_free -= bytes;
        Some(Place { queue: self.clone(), organization: emit.organization_id.clone(), bytes })
    }

    /// Whether an organization has used less than half of its share.
    pub fn has_room(&self, organization: &OrganizationId) -> bool {
        let state = self.state();
        let own = state.lanes.get(organization).map_or(0, |lane| lane.bytes);
        own < ROUTING_QUEUE_ORGANIZATION_BYTES_MAX / 2 && state.bytes_free > ROUTING_QUEUE_BYTES_MAX / 8
    }

    /// Waits for the next turn.
    pub async fn next(&self) -> Turn {
        loop {
            // Listening begins before the look, so that no ring in between is lost.
            let changed = self.changed.notified();
            if let Some(turn) = self.take() {
                return turn;
            }
            changed.await;
        }
    }

    /// The next turn, if an organization may have one now.
    fn take(&self) -> Option<Turn> {
        let mut state = self.state();
        let organization = state.order.pop_front()?;
        let lane = state.lanes.get_mut(&organization)?;
        lane.is_in_order = false;
        lane.turns_under_way += 1;
        let count = lane.waiting.len().min(TURN_EMITS_MAX);
        let emits: VecDeque<Handover> = lane.waiting.drain(..count).collect();
        self.line_up(&mut state, &organization);
        // A ring wakes one listener, and there may be turns for several.
        if !state.order.is_empty() {
            self.changed.notify_one();
        }
        Some(Turn { queue: self.clone(), organization, emits })
    }

    /// Puts an organization at the end of the order if it may have another turn.
    fn line_up(&self, state: &mut State, organization: &OrganizationId) {
        let Some(lane) = state.lanes.get_mut(organization) else { return };
        let has_turns = lane.turns_under_way < self.turns_each_max && lane.writes_under_way < WRITES_EACH_MAX;
        if !lane.is_in_order && !lane.waiting.is_empty() && has_turns {
            lane.is_in_order = true;
            state.order.push_back(organization.clone());
            self.changed.notify_one();
        }
    }

    fn free(&self, organization: &OrganizationId, bytes: usize) {
        let mut state = self.state();
        state.bytes_free += bytes;
        if let Some(lane) = state.lanes.get_mut(organization) {
            lane.bytes -= bytes;
            if lane.is_idle() {
                state.lanes.remove(organization);
            }
        }
    }
}

impl Place {
    /// Puts the emit into the queue.
    pub fn fill(mut self, handover: Handover) {
        let mut state = self.queue.state();
        // The emit keeps the place's bytes until a turn hands it out.
        self.bytes = 0;
        if let Some(lane) = state.lanes.get_mut(&self.organization) {
            lane.waiting.push_back(handover);
        }
        self.queue.line_up(&mut state, &self.organization);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.queue.free(&self.organization, self.bytes);
        }
    }
}

impl Turn {
    /// Ends the turn, and begins to write it.
    pub fn write(self) -> TurnWrite {
        let (queue, organization) = (self.queue.clone(), self.organization.clone());
        if let Some(lane) = queue.state().lanes.get_mut(&organization) {
            lane.writes_under_way += 1;
        }
        TurnWrite { queue, organization }
    }
}

impl TurnWrite {
    /// The organization whose turn it was.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }
}

impl Drop for TurnWrite {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let Some(lane) = state.lanes.get_mut(&self.organization) else { return };
        lane.writes_under_way -= 1;
        if lane.is_idle() {
            state.lanes.remove(&self.organization);
            return;
        }
        self.queue.line_up(&mut state, &self.organization);
    }
}

impl Iterator for Turn {
    type Item = Handover;

    /// The next emit of the turn. Its place in the queue is free from here on.
    fn next(&mut self) -> Option<Handover> {
        let handover = self.emits.pop_front()?;
        self.queue.free(&self.organization, handover.bytes());
        Some(handover)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let Some(lane) = state.lanes.get_mut(&self.organization) else { return };
        lane.turns_under_way -= 1;
        while let Some(handover) = self.emits.pop_back() {
            lane.waiting.push_front(handover);
        }
        if lane.is_idle() {
            state.lanes.remove(&self.organization);
            return;
        }
        self.queue.line_up(&mut state, &self.organization);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::domain::{
        emit::{Fact, Subject},
        id::EmitId,
        time::Time,
    };

    fn emit(organization: &str, number: u128, payload_bytes: usize) -> Arc<Emit> {
        let now = Time::from_millis(1);
        Arc::new(Emit {
            id: EmitId::new(now, number),
            organization_id: OrganizationId::stored(organization),
            subject: Subject::Ingested(Fact { event_type: "test".to_owned(), entity: None }),
            payload: "x".repeat(payload_bytes).into(),
            idempotency: None,
            chain_depth: 0,
            emitted_by: String::new(),
            accepted_at: now,
            revision: 1,
            source: None,
        })
    }

    fn put(queue: &RoutingQueue, organization: &str, numbers: std::ops::Range<u128>) {
        for number in numbers {
            let emit = emit(organization, number, 10);
            queue.reserve(&emit).expect("there is room").fill(Handover { emit, claims: 1 });
        }
    }

    fn turn(queue: &RoutingQueue) -> Option<Turn> {
        queue.next().now_or_never()
    }

    #[test]
    fn organizations_take_turns_however_long_their_queues_are() {
        let queue = RoutingQueue::new(1);
        put(&queue, "org_long", 0..2_000);
        put(&queue, "org_short", 0..1);
        let first = turn(&queue).expect("the first to come");
        assert_eq!((first.organization.as_str(), first.emits.len()), ("org_long", TURN_EMITS_MAX));
        drop(first);
        let second = turn(&queue).expect("the other one");
        assert_eq!(second.organization.as_str(), "org_short");
        assert_eq!(turn(&queue).expect("and again").organization.as_str(), "org_long");
    }

    #[test]
    fn one_organization_has_a_bounded_number_of_turns_at_once() {
        let queue = RoutingQueue::new(2);
        put(&queue, "org_a", 0..2_000);
        let (first, second) = (turn(&queue), turn(&queue));
        assert!(first.is_some() && second.is_some());
        assert!(turn(&queue).is_none(), "it has both of its turns");
        put(&queue, "org_b", 0..1);
        let mut other = turn(&queue).expect("another one's turn");
        assert_eq!(other.organization.as_str(), "org_b");
        assert!(other.next().is_some());
        drop((other, first));
        assert_eq!(turn(&queue).expect("it has one again").organization.as_str(), "org_a");
    }

    #[test]
    fn one_organization_has_a_bounded_number_of_turns_that_are_being_written() {
        let queue = RoutingQueue::new(1);
        put(&queue, "org_a", 0..TURN_EMITS_MAX as u128);
        let mut writes: Vec<_> = (0..WRITES_EACH_MAX).map(|_| turn(&queue).expect("a turn").write()).collect();
        assert!(turn(&queue).is_none(), "its writes are slow");
        put(&queue, "org_b", 0..1);
        let mut other = turn(&queue).expect("another one's turn");
        assert_eq!(other.organization.as_str(), "org_b");
        assert!(other.next().is_some());
        drop(other);
        writes.pop();
        assert_eq!(turn(&queue).expect("one is written").organization.as_str(), "org_a");
    }

    #[test]
    fn what_a_turn_leaves_stays_in_front_and_in_order() {
        let queue = RoutingQueue::new(1);
        put(&queue, "org_a", 0..3);
        let ids =
            |turn: &mut Turn| std::iter::from_fn(|| turn.next().map(|next| next.emit.id.clone())).collect::<Vec<_>>();
        let mut first = turn(&queue).expect("a turn");
        let began_with = first.next().expect("an emit").emit.id.clone();
        drop(first);
        put(&queue, "org_a", 3..4);
        let rest = ids(&mut turn(&queue).expect("a turn"));
        let expected: Vec<_> = (0..4).map(|number| EmitId::new(Time::from_millis(1), number)).collect();
        assert_eq!([vec![began_with], rest].concat(), expected);
    }

    #[test]
    fn routing_queue_organization_bytes_max() {
        let queue = RoutingQueue::new(1);
        let large = emit("org_a", 0, ROUTING_QUEUE_ORGANIZATION_BYTES_MAX / 2);
        let place = queue.reserve(&large).expect("there is room");
        assert!(queue.reserve(&large).is_none(), "its share is full");
        assert!(queue.reserve(&emit("org_b", 0, 10)).is_some(), "the share of another is not");
        drop(place);
        assert!(queue.reserve(&large).is_some(), "and free again");
    }

    #[test]
    fn routing_queue_bytes_max() {
        let queue = RoutingQueue::new(1);
        let size = ROUTING_QUEUE_ORGANIZATION_BYTES_MAX - EMIT_BYTES;
        let full = ROUTING_QUEUE_BYTES_MAX / ROUTING_QUEUE_ORGANIZATION_BYTES_MAX;
        let mut places: Vec<_> =
            (0..full).map(|number| queue.reserve(&emit(&format!("org_{number}"), 0, size))).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(queue.reserve(&emit("org_late", 0, 10)).is_none(), "the queue is full");
        places.pop();
        assert!(queue.reserve(&emit("org_late", 0, 10)).is_some());
    }

    #[test]
    fn nothing_is_left_of_organizations_without_emits() {
        let queue = RoutingQueue::new(1);
        put(&queue, "org_a", 0..3);
        let mut first = turn(&queue).expect("a turn");
        while first.next().is_some() {}
        drop(first);
        drop(queue.reserve(&emit("org_b", 0, 10)));
        let state = queue.state();
        assert!(state.lanes.is_empty() && state.order.is_empty());
        assert_eq!(state.bytes_free, ROUTING_QUEUE_BYTES_MAX);
    }
}

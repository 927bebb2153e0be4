//! Who may deliver how much at once.
//!
//! A slot is taken before a delivery is claimed and given back when the endpoint has answered.
//! Bounds hold at the same time for the host, for an organization and for a receiver, and a
//! receiver with a rate gets as many slots a second. How many an endpoint gets of what is
//! allowed depends on how it copes: see [`lane`]. So an endpoint that hangs holds a few slots, and
//! an organization full of such endpoints leaves the others theirs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use crate::domain::{
    flow::{EndpointResponse, Limits},
    id::OrganizationId,
    receiver::ReceiverId,
    subscription::Endpoint,
    time::Time,
};
use lane::Lane;

mod lane;
#[cfg(test)]
mod tests;

/// The part of all slots that one organization may hold: a quarter, so that it takes four
/// organizations full of hanging endpoints to make a fifth wait.
const ORGANIZATION_SHARE: usize = 4;
/// The part of all slots that replays may hold together: whatever is sent again, most of the host
/// is there for what is new.
const REPLAY_SHARE: usize = 8;
/// The part of a receiver's slots that its replays may hold, for the same reason.
const REPLAY_SHARE_OF_RECEIVER: usize = 4;

/// The slots. Clones share them.
#[derive(Clone)]
pub(in crate::worker) struct Slots {
    state: Arc<Mutex<State>>,
    /// Rung when a slot was given back, or when a receiver got a backlog.
    pub(in crate::worker) changed: Arc<Notify>,
}

struct State {
    free: usize,
    per_organization: usize,
    /// Slots that replays may still take.
    replays_free: usize,
    /// Slots that each organization holds.
    tenants: HashMap<OrganizationId, usize>,
    lanes: HashMap<ReceiverId, Lane>,
    /// Receivers with due deliveries in the table.
    backlog: HashSet<ReceiverId>,
    /// The number of the next slot.
    next: u64,
}

/// The right to have one delivery under way. Dropped before [`Slot::begin`], it was never there.
pub(in crate::worker) struct Slot {
    slots: Slots,
    receiver: ReceiverId,
    number: u64,
    is_replay: bool,
    response: Option<EndpointResponse>,
}

/// Whose slot is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    organization: &'a OrganizationId,
    receiver: &'a ReceiverId,
    is_replay: bool,
    now: Time,
}

impl Slots {
    pub(in crate::worker) fn new(total: usize) -> Self {
        let state = State {
            free: total,
            per_organization: (total / ORGANIZATION_SHARE).max(1),
            replays_free: (total / REPLAY_SHARE).max(1),
            tenants: HashMap::new(),
            lanes: HashMap::new(),
            backlog: HashSet::new(),
            next: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), changed: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for a delivery that was just routed. None when there is none free, or when the
    /// receiver has older ones waiting: those come first.
    pub(in crate::worker) fn take_for_new(&self, endpoint: &Endpoint, now: Time) -> Option<Slot> {
        let mut state = self.state();
        if state.backlog.contains(&endpoint.receiver) {
            return None;
        }
        state.know(&endpoint.organization_id, &endpoint.receiver, Limits::of(&endpoint.terms), now);
        let asked =
            Asked { organization: &endpoint.organization_id, receiver: &endpoint.receiver, is_replay: false, now };
        self.take_one(&mut state, asked)
    }

    /// Up to `wanted` slots for what a receiver has waiting.
    pub(in crate::worker) fn take(
        &self,
        organization: &OrganizationId,
        receiver: &ReceiverId,
        wanted: usize,
        now: Time,
    ) -> Vec<Slot> {
        self.take_many(Asked { organization, receiver, is_replay: false, now }, wanted)
    }

    /// Up to `wanted` slots for what is sent again: few, and none while the receiver has other
    /// deliveries waiting.
    pub(in crate::worker) fn take_for_replay(&self, endpoint: &Endpoint, wanted: usize, now: Time) -> Vec<Slot> {
        let (organization, receiver) = (&endpoint.organization_id, &endpoint.receiver);
        {
            let mut state = self.state();
            if state.backlog.contains(receiver) {
                return Vec::new();
            }
            state.know(organization, receiver, Limits::of(&endpoint.terms), now);
        }
        self.take_many(Asked { organization, receiver, is_replay: true, now }, wanted)
    }

    fn take_many(&self, asked: Asked<'_>, wanted: usize) -> Vec<Slot> {
        let mut state = self.state();
        std::iter::from_fn(|| self.take_one(&mut state, asked)).take(wanted).collect()
    }

    fn take_one(&self, state: &mut State, asked: Asked<'_>) -> Option<Slot> {
        let number = state.take(asked)?;
        Some(Slot {
            slots: self.clone(),
            receiver: asked.receiver.clone(),
            number,
            is_replay: asked.is_replay,
            response: None,
        })
    }

    /// Notes that a receiver has due deliveries in the table, and what it allows.
    pub(in crate::worker) fn note_backlog(
        &self,
        organization: &OrganizationId,
        receiver: &ReceiverId,
        limits: Limits,
        now: Time,
    ) {
        {
            let mut state = self.state();
            state.know(organization, receiver, limits, now);
            state.backlog.insert(receiver.clone());
        }
        self.changed.notify_one();
    }

    /// Notes that a receiver for which slots were just asked has due deliveries in the table.
    pub(in crate::worker) fn note_more(&self, receiver: &ReceiverId) {
        {
            let mut state = self.state();
            if !state.lanes.contains_key(receiver) {
                return;
            }
            state.backlog.insert(receiver.clone());
        }
        self.changed.notify_one();
    }

    /// Notes that the table has nothing more due for a receiver.
    pub(in crate::worker) fn clear_backlog(&self, receiver: &ReceiverId) {
        self.state().backlog.remove(receiver);
    }

    /// The receivers with a backlog that may have at least one more delivery under way.
    pub(in crate::worker) fn backlog(&self, now: Time) -> Vec<(OrganizationId, ReceiverId)> {
        let state = self.state();
        let waiting = state.backlog.iter().filter_map(|receiver| {
            let lane = state.lanes.get(receiver)?;
            (state.has_room(lane, false) && lane.has_token(now)).then(|| (lane.organization.clone(), receiver.clone()))
        });
        waiting.collect()
    }

    /// When a receiver that waits for nothing but its rate may go on.
    pub(in crate::worker) fn next_token_at(&self, now: Time) -> Option<Time> {
        let state = self.state();
        let waiting = state.backlog.iter().filter_map(|receiver| state.lanes.get(receiver));
        waiting.filter(|lane| !lane.has_token(now)).filter_map(|lane| lane.next_token_at(now)).min()
    }

    /// Whether a receiver has used up its rate for the moment.
    pub(in crate::worker) fn is_held_back(&self, receiver: &ReceiverId, now: Time) -> bool {
        self.state().lanes.get(receiver).is_some_and(|lane| !lane.has_token(now))
    }

    /// Forgets receivers that had nothing under way for a while.
    pub(in crate::worker) fn tidy(&self, now: Time) {
        let mut state = self.state();
        let State { lanes, backlog, .. } = &mut *state;
        let instant = Instant::now();
        lanes.retain(|receiver, lane| backlog.contains(receiver) || !lane.is_forgettable(instant, now));
    }
}

impl State {
    /// Takes a receiver into account, or notes what it allows from now on.
    fn know(&mut self, organization: &OrganizationId, receiver: &ReceiverId, limits: Limits, now: Time) {
        match self.lanes.get_mut(receiver) {
            Some(lane) => lane.set_limits(limits, now),
            None => {
                self.lanes.insert(receiver.clone(), Lane::new(organization.clone(), limits, now));
            }
        }
    }

    fn has_room(&self, lane: &Lane, is_replay: bool) -> bool {
        if self.free == 0
            || (is_replay && (self.replays_free == 0 || !lane.has_room_for_replay(REPLAY_SHARE_OF_RECEIVER)))
        {
            return false;
        }
        let tenant_held = self.tenants.get(&lane.organization).copied().unwrap_or_default();
        lane.has_room(tenant_held, self.per_organization, Instant::now())
    }

    fn take(&mut self, asked: Asked<'_>) -> Option<u64> {
        let lane = self.lanes.get(asked.receiver)?;
        if !self.has_room(lane, asked.is_replay) || !lane.has_token(asked.now) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let lane = self.lanes.get_mut(asked.receiver)?;
        lane.take(number, asked.is_replay, asked.now);
        *self.tenants.entry(asked.organization.clone()).or_default() += 1;
        self.free -= 1;
        self.replays_free -= usize::from(asked.is_replay);
        Some(number)
    }

    fn give_back(&mut self, slot: &Slot) {
        let Some(lane) = self.lanes.get_mut(&slot.receiver) else { return };
        lane.give_back(slot.number, slot.is_replay, slot.response);
        self.free += 1;
        self.replays_free += usize::from(slot.is_replay);
        // Counts down, and forgets what is at zero.
        if let Some(held) = self.tenants.get_mut(&lane.organization) {
            *held -= 1;
            if *held == 0 {
                self.tenants.remove(&lane.organization);
            }
        }
    }
}

impl Slot {
    /// Uses the slot: from here on it counts against the rate, and the endpoint's time runs.
    pub(in crate::worker) fn begin(&self) {
        if let Some(lane) = self.slots.state().lanes.get_mut(&self.receiver) {
            lane.begin(self.number);
        }
    }

    /// Gives the slot back, saying how the endpoint coped.
    pub(in crate::worker) fn end(mut self, response: Option<EndpointResponse>) {
        self.response = response;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let has_backlog = {
            let mut state = self.slots.state();
            state.give_back(self);
            !state.backlog.is_empty()
        };
        if has_backlog {
            self.slots.changed.notify_one();
        }
    }
}

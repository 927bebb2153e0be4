//! Slots: how many deliveries may be under way at once, for the host, an organization and a receiver.
//!
//! A slot is taken before a delivery is claimed and given back when the endpoint has answered. All three
//! bounds hold at the same time, and a receiver with a rate gets as many slots a second. How many of the
//! allowed slots an endpoint gets depends on how it responds: see [`lane`]. So an endpoint that hangs holds a
//! few slots, and an organization full of such endpoints leaves the others theirs.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
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

/// One organization may hold this part of all slots, a quarter: it takes four organizations full of hanging
/// endpoints to make a fifth wait.
const ORGANIZATION_SHARE: usize = 4;
/// Replays may hold this part of all slots together: however much is sent again, most slots are there for new
/// deliveries.
const REPLAY_SHARE: usize = 8;
/// Replays may hold this part of a receiver's slots, for the same reason.
const REPLAY_SHARE_OF_RECEIVER: usize = 4;

/// The slots. Clones share them.
#[derive(Clone)]
pub(in crate::worker) struct Slots {
    state: Arc<Mutex<State>>,
    /// Rung when a slot was given back, or when a receiver got due deliveries.
    pub(in crate::worker) changed: Arc<Notify>,
}

struct State {
    /// Slots that may still be taken.
    free: usize,
    /// Slots that one organization may hold.
    per_organization: usize,
    /// Slots that replays may still take.
    replays_free: usize,
    /// Slots that each organization holds.
    tenants: HashMap<OrganizationId, usize>,
    lanes: HashMap<ReceiverId, Lane>,
    /// Receivers with due deliveries in the table.
    due: HashSet<ReceiverId>,
    /// The number of the next slot.
    next: u64,
}

/// The right to have one delivery under way. Dropping it before [`Slot::begin`] returns it and uses up no
/// rate.
pub(in crate::worker) struct Slot {
    slots: Slots,
    receiver: ReceiverId,
    number: u64,
    is_replay: bool,
    /// How the endpoint responded; `None` if no request was sent.
    response: Option<EndpointResponse>,
}

/// A request for a slot.
#[derive(Clone, Copy)]
struct SlotRequest<'a> {
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
            due: HashSet::new(),
            next: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), changed: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// A slot for a delivery that was just routed. `None` when no slot is free, or when the receiver has
    /// older deliveries waiting, which come first.
    pub(in crate::worker) fn take_for_new(&self, endpoint: &Endpoint, now: Time) -> Option<Slot> {
        let mut state = self.state();
        if state.due.contains(&endpoint.receiver) {
            return None;
        }
        state.know(&endpoint.organization_id, &endpoint.receiver, Limits::of(&endpoint.terms), now);
        let request = SlotRequest {
            organization: &endpoint.organization_id,
            receiver: &endpoint.receiver,
            is_replay: false,
            now,
        };
        self.take_one(&mut state, request)
    }

    /// Up to `wanted` slots for deliveries that wait in the table for a receiver.
    pub(in crate::worker) fn take(
        &self,
        organization: &OrganizationId,
        receiver: &ReceiverId,
        wanted: usize,
        now: Time,
    ) -> Vec<Slot> {
        self.take_many(SlotRequest { organization, receiver, is_replay: false, now }, wanted)
    }

    /// Up to `wanted` slots for a replay: few, and none while the receiver has other deliveries waiting.
    pub(in crate::worker) fn take_for_replay(&self, endpoint: &Endpoint, wanted: usize, now: Time) -> Vec<Slot> {
        let (organization, receiver) = (&endpoint.organization_id, &endpoint.receiver);
        {
            let mut state = self.state();
            if state.due.contains(receiver) {
                return Vec::new();
            }
            state.know(organization, receiver, Limits::of(&endpoint.terms), now);
        }
        self.take_many(SlotRequest { organization, receiver, is_replay: true, now }, wanted)
    }

    fn take_many(&self, request: SlotRequest<'_>, wanted: usize) -> Vec<Slot> {
        let mut state = self.state();
        std::iter::from_fn(|| self.take_one(&mut state, request)).take(wanted).collect()
    }

    fn take_one(&self, state: &mut State, request: SlotRequest<'_>) -> Option<Slot> {
        let number = state.take(request)?;
        Some(Slot {
            slots: self.clone(),
            receiver: request.receiver.clone(),
            number,
            is_replay: request.is_replay,
            response: None,
        })
    }

    /// Notes that a receiver has due deliveries in the table, and its limits.
    pub(in crate::worker) fn note_due(
        &self,
        organization: &OrganizationId,
        receiver: &ReceiverId,
        limits: Limits,
        now: Time,
    ) {
        {
            let mut state = self.state();
            state.know(organization, receiver, limits, now);
            state.due.insert(receiver.clone());
        }
        self.changed.notify_one();
    }

    /// Notes that a receiver has due deliveries in the table, if its limits are known.
    pub(in crate::worker) fn note_more(&self, receiver: &ReceiverId) {
        {
            let mut state = self.state();
            if !state.lanes.contains_key(receiver) {
                return;
            }
            state.due.insert(receiver.clone());
        }
        self.changed.notify_one();
    }

    /// Notes that a receiver has no more due deliveries in the table.
    pub(in crate::worker) fn clear_due(&self, receiver: &ReceiverId) {
        self.state().due.remove(receiver);
    }

    /// The receivers with due deliveries in the table that may have at least one more delivery under way.
    pub(in crate::worker) fn receivers_due(&self, now: Time) -> Vec<(OrganizationId, ReceiverId)> {
        let state = self.state();
        let waiting = state.due.iter().filter_map(|receiver| {
            let lane = state.lanes.get(receiver)?;
            (state.has_room(lane, false) && lane.has_token(now)).then(|| (lane.organization.clone(), receiver.clone()))
        });
        waiting.collect()
    }

    /// The time at which the first of the receivers that lack only a token of their rate gets one.
    pub(in crate::worker) fn next_token_at(&self, now: Time) -> Option<Time> {
        let state = self.state();
        let waiting = state.due.iter().filter_map(|receiver| state.lanes.get(receiver));
        waiting.filter(|lane| !lane.has_token(now)).filter_map(|lane| lane.next_token_at(now)).min()
    }

    /// Whether a receiver has used up its rate for the moment.
    pub(in crate::worker) fn is_held_back(&self, receiver: &ReceiverId, now: Time) -> bool {
        self.state().lanes.get(receiver).is_some_and(|lane| !lane.has_token(now))
    }

    /// Forgets receivers that had nothing under way for a while.
    pub(in crate::worker) fn tidy(&self, now: Time) {
        let mut state = self.state();
        let State { lanes, due, .. } = &mut *state;
        let instant = Instant::now();
        lanes.retain(|receiver, lane| due.contains(receiver) || !lane.is_forgettable(instant, now));
    }
}

impl State {
    /// Adds a receiver, or updates the limits of a known one.
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

    fn take(&mut self, request: SlotRequest<'_>) -> Option<u64> {
        let lane = self.lanes.get(request.receiver)?;
        if !self.has_room(lane, request.is_replay) || !lane.has_token(request.now) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let lane = self.lanes.get_mut(request.receiver)?;
        lane.take(number, request.is_replay, request.now);
        *self.tenants.entry(request.organization.clone()).or_default() += 1;
        self.free -= 1;
        self.replays_free -= usize::from(request.is_replay);
        Some(number)
    }

    fn give_back(&mut self, slot: &Slot) {
        let Some(lane) = self.lanes.get_mut(&slot.receiver) else { return };
        lane.give_back(slot.number, slot.is_replay, slot.response);
        self.free += 1;
        self.replays_free += usize::from(slot.is_replay);
        // An organization that holds no slot takes no memory.
        if let Some(held) = self.tenants.get_mut(&lane.organization) {
            *held -= 1;
            if *held == 0 {
                self.tenants.remove(&lane.organization);
            }
        }
    }
}

impl Slot {
    /// Marks the beginning of the attempt: from here on the slot counts against the rate, and the endpoint's
    /// time runs.
    pub(in crate::worker) fn begin(&self) {
        if let Some(lane) = self.slots.state().lanes.get_mut(&self.receiver) {
            lane.begin(self.number);
        }
    }

    /// Gives the slot back, with how the endpoint responded; `None` if no request was sent.
    pub(in crate::worker) fn end(mut self, response: Option<EndpointResponse>) {
        self.response = response;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let is_any_due = {
            let mut state = self.slots.state();
            state.give_back(self);
            !state.due.is_empty()
        };
        if is_any_due {
            self.slots.changed.notify_one();
        }
    }
}

//! Who may deliver how much at once.
//!
//! A slot is taken before a delivery is claimed and given back when the endpoint has answered.
//! Bounds hold at the same time for the host, for an organization and for a subscription, and a
//! subscription with a rate gets as many slots a second. How many an endpoint gets of what is
//! allowed depends on how it copes: see [`lane`]. So an endpoint that hangs holds a few slots, and
//! an organization full of such endpoints leaves the others theirs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use crate::domain::{
    flow::{Coping, Limits},
    id::{OrganizationId, SubscriptionId},
    subscription::Target,
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
/// The part of a subscription's slots that its replays may hold, for the same reason.
const REPLAY_SHARE_OF_SUBSCRIPTION: usize = 4;

/// The slots. Clones share them.
#[derive(Clone)]
pub(super) struct Slots {
    state: Arc<Mutex<State>>,
    /// Rung when a slot was given back, or when a subscription got a backlog.
    pub(super) changed: Arc<Notify>,
}

struct State {
    free: usize,
    per_organization: usize,
    /// Slots that replays may still take.
    replays_free: usize,
    /// Slots that each organization holds.
    tenants: HashMap<OrganizationId, usize>,
    lanes: HashMap<SubscriptionId, Lane>,
    /// Subscriptions with due deliveries in the table.
    backlog: HashSet<SubscriptionId>,
    /// The number of the next slot.
    next: u64,
}

/// The right to have one delivery under way. Dropped before [`Slot::begin`], it was never there.
pub(super) struct Slot {
    slots: Slots,
    subscription: SubscriptionId,
    number: u64,
    is_replay: bool,
    coping: Option<Coping>,
}

/// Whose slot is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    organization: &'a OrganizationId,
    subscription: &'a SubscriptionId,
    is_replay: bool,
    now: Time,
}

impl Slots {
    pub(super) fn new(total: usize) -> Self {
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
    /// subscription has older ones waiting: those come first.
    pub(super) fn take_for_new(&self, target: &Target, now: Time) -> Option<Slot> {
        let mut state = self.state();
        if state.backlog.contains(&target.subscription_id) {
            return None;
        }
        state.know(&target.organization_id, &target.subscription_id, Limits::of(&target.terms), now);
        let asked = Asked {
            organization: &target.organization_id,
            subscription: &target.subscription_id,
            is_replay: false,
            now,
        };
        self.take_one(&mut state, asked)
    }

    /// Up to `wanted` slots for what a subscription has waiting.
    pub(super) fn take(
        &self,
        organization: &OrganizationId,
        subscription: &SubscriptionId,
        wanted: usize,
        now: Time,
    ) -> Vec<Slot> {
        self.take_many(Asked { organization, subscription, is_replay: false, now }, wanted)
    }

    /// Up to `wanted` slots for what is sent again: few, and none while the subscription has other
    /// deliveries waiting.
    pub(super) fn take_for_replay(&self, target: &Target, wanted: usize, now: Time) -> Vec<Slot> {
        let (organization, subscription) = (&target.organization_id, &target.subscription_id);
        {
            let mut state = self.state();
            if state.backlog.contains(subscription) {
                return Vec::new();
            }
            state.know(organization, subscription, Limits::of(&target.terms), now);
        }
        self.take_many(Asked { organization, subscription, is_replay: true, now }, wanted)
    }

    fn take_many(&self, asked: Asked<'_>, wanted: usize) -> Vec<Slot> {
        let mut state = self.state();
        std::iter::from_fn(|| self.take_one(&mut state, asked)).take(wanted).collect()
    }

    fn take_one(&self, state: &mut State, asked: Asked<'_>) -> Option<Slot> {
        let number = state.take(asked)?;
        Some(Slot {
            slots: self.clone(),
            subscription: asked.subscription.clone(),
            number,
            is_replay: asked.is_replay,
            coping: None,
        })
    }

    /// Notes that a subscription has due deliveries in the table, and what it allows.
    pub(super) fn note_backlog(
        &self,
        organization: &OrganizationId,
        subscription: &SubscriptionId,
        limits: Limits,
        now: Time,
    ) {
        {
            let mut state = self.state();
            state.know(organization, subscription, limits, now);
            state.backlog.insert(subscription.clone());
        }
        self.changed.notify_one();
    }

    /// Notes that a subscription for which slots were just asked has due deliveries in the table.
    pub(super) fn note_more(&self, subscription: &SubscriptionId) {
        {
            let mut state = self.state();
            if !state.lanes.contains_key(subscription) {
                return;
            }
            state.backlog.insert(subscription.clone());
        }
        self.changed.notify_one();
    }

    /// Notes that the table has nothing more due for a subscription.
    pub(super) fn clear_backlog(&self, subscription: &SubscriptionId) {
        self.state().backlog.remove(subscription);
    }

    /// The subscriptions with a backlog that may have at least one more delivery under way.
    pub(super) fn backlog(&self, now: Time) -> Vec<(OrganizationId, SubscriptionId)> {
        let state = self.state();
        let waiting = state.backlog.iter().filter_map(|subscription| {
            let lane = state.lanes.get(subscription)?;
            (state.has_room(lane, false) && lane.has_token(now))
                .then(|| (lane.organization.clone(), subscription.clone()))
        });
        waiting.collect()
    }

    /// When a subscription that waits for nothing but its rate may go on.
    pub(super) fn next_token_at(&self, now: Time) -> Option<Time> {
        let state = self.state();
        let waiting = state.backlog.iter().filter_map(|subscription| state.lanes.get(subscription));
        waiting.filter(|lane| !lane.has_token(now)).filter_map(|lane| lane.next_token_at(now)).min()
    }

    /// Whether a subscription has used up its rate for the moment.
    pub(super) fn is_held_back(&self, subscription: &SubscriptionId, now: Time) -> bool {
        self.state().lanes.get(subscription).is_some_and(|lane| !lane.has_token(now))
    }

    /// Forgets subscriptions that had nothing under way for a while.
    pub(super) fn tidy(&self, now: Time) {
        let mut state = self.state();
        let State { lanes, backlog, .. } = &mut *state;
        let instant = Instant::now();
        lanes.retain(|subscription, lane| backlog.contains(subscription) || !lane.is_forgettable(instant, now));
    }
}

impl State {
    /// Takes a subscription into account, or notes what it allows from now on.
    fn know(&mut self, organization: &OrganizationId, subscription: &SubscriptionId, limits: Limits, now: Time) {
        match self.lanes.get_mut(subscription) {
            Some(lane) => lane.set_limits(limits, now),
            None => {
                self.lanes.insert(subscription.clone(), Lane::new(organization.clone(), limits, now));
            }
        }
    }

    fn has_room(&self, lane: &Lane, is_replay: bool) -> bool {
        if self.free == 0
            || (is_replay && (self.replays_free == 0 || !lane.has_room_for_replay(REPLAY_SHARE_OF_SUBSCRIPTION)))
        {
            return false;
        }
        let tenant_held = self.tenants.get(&lane.organization).copied().unwrap_or_default();
        lane.has_room(tenant_held, self.per_organization, Instant::now())
    }

    fn take(&mut self, asked: Asked<'_>) -> Option<u64> {
        let lane = self.lanes.get(asked.subscription)?;
        if !self.has_room(lane, asked.is_replay) || !lane.has_token(asked.now) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let lane = self.lanes.get_mut(asked.subscription)?;
        lane.take(number, asked.is_replay, asked.now);
        *self.tenants.entry(asked.organization.clone()).or_default() += 1;
        self.free -= 1;
        self.replays_free -= usize::from(asked.is_replay);
        Some(number)
    }

    fn give_back(&mut self, slot: &Slot) {
        let Some(lane) = self.lanes.get_mut(&slot.subscription) else { return };
        lane.give_back(slot.number, slot.is_replay, slot.coping);
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
    pub(super) fn begin(&self) {
        if let Some(lane) = self.slots.state().lanes.get_mut(&self.subscription) {
            lane.begin(self.number);
        }
    }

    /// Gives the slot back, saying how the endpoint coped.
    pub(super) fn end(mut self, coping: Option<Coping>) {
        self.coping = coping;
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

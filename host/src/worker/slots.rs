//! Who may deliver how much at once.
//!
//! A slot is taken before a delivery is claimed and given back when the endpoint has
//! answered. Three bounds hold at the same time: of the host, of an organization, and of a
//! subscription. So an endpoint that hangs holds its own few slots, and an organization full of
//! such endpoints leaves the others theirs.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::domain::{
    id::{OrganizationId, SubscriptionId},
    limits::DELIVERIES_PER_SUBSCRIPTION_MAX,
};

/// The part of all slots that one organization may hold: a quarter, so that it takes four
/// organizations full of hanging endpoints to make a fifth wait.
const ORGANIZATION_SHARE: usize = 4;

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
    organizations: HashMap<OrganizationId, usize>,
    subscriptions: HashMap<SubscriptionId, usize>,
    /// Subscriptions with due deliveries in the table.
    backlog: HashMap<SubscriptionId, OrganizationId>,
}

/// The right to have one delivery under way.
pub(super) struct Slot {
    slots: Slots,
    organization: OrganizationId,
    subscription: SubscriptionId,
}

impl Slots {
    pub(super) fn new(total: usize) -> Self {
        let state = State {
            free: total,
            per_organization: (total / ORGANIZATION_SHARE).max(1),
            organizations: HashMap::new(),
            subscriptions: HashMap::new(),
            backlog: HashMap::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), changed: Arc::new(Notify::new()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for a delivery that was just routed. None when there is none free, or when the
    /// subscription has older ones waiting: those come first.
    pub(super) fn take_for_new(&self, organization: &OrganizationId, subscription: &SubscriptionId) -> Option<Slot> {
        let mut state = self.state();
        if state.backlog.contains_key(subscription) {
            return None;
        }
        state.take(organization, subscription).then(|| self.slot(organization, subscription))
    }

    /// Up to `wanted` slots for what a subscription has waiting.
    pub(super) fn take(
        &self,
        organization: &OrganizationId,
        subscription: &SubscriptionId,
        wanted: usize,
    ) -> Vec<Slot> {
        let mut state = self.state();
        let mut taken = Vec::new();
        while taken.len() < wanted && state.take(organization, subscription) {
            taken.push(self.slot(organization, subscription));
        }
        taken
    }

    fn slot(&self, organization: &OrganizationId, subscription: &SubscriptionId) -> Slot {
        Slot { slots: self.clone(), organization: organization.clone(), subscription: subscription.clone() }
    }

    /// Notes that a subscription has due deliveries in the table.
    pub(super) fn note_backlog(&self, organization: &OrganizationId, subscription: &SubscriptionId) {
        self.state().backlog.insert(subscription.clone(), organization.clone());
        self.changed.notify_one();
    }

    /// Notes that the table has nothing more due for a subscription.
    pub(super) fn clear_backlog(&self, subscription: &SubscriptionId) {
        self.state().backlog.remove(subscription);
    }

    /// The subscriptions with a backlog that may have at least one more delivery under way.
    pub(super) fn backlog(&self) -> Vec<(OrganizationId, SubscriptionId)> {
        let state = self.state();
        let waiting =
            state.backlog.iter().filter(|(subscription, organization)| state.has_room(organization, subscription));
        waiting.map(|(subscription, organization)| (organization.clone(), subscription.clone())).collect()
    }
}

impl State {
    fn has_room(&self, organization: &OrganizationId, subscription: &SubscriptionId) -> bool {
        self.free > 0
            && self.organizations.get(organization).is_none_or(|&held| held < self.per_organization)
            && self.subscriptions.get(subscription).is_none_or(|&held| held < DELIVERIES_PER_SUBSCRIPTION_MAX)
    }

    fn take(&mut self, organization: &OrganizationId, subscription: &SubscriptionId) -> bool {
        if !self.has_room(organization, subscription) {
            return false;
        }
        self.free -= 1;
        *self.organizations.entry(organization.clone()).or_default() += 1;
        *self.subscriptions.entry(subscription.clone()).or_default() += 1;
        true
    }

    fn give_back(&mut self, organization: &OrganizationId, subscription: &SubscriptionId) {
        self.free += 1;
        count_down(self.organizations.entry(organization.clone()));
        count_down(self.subscriptions.entry(subscription.clone()));
    }
}

/// Counts down, and forgets what is at zero.
fn count_down<K>(entry: Entry<'_, K, usize>) {
    if let Entry::Occupied(mut held) = entry {
        *held.get_mut() -= 1;
        if *held.get() == 0 {
            held.remove();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let has_backlog = {
            let mut state = self.slots.state();
            state.give_back(&self.organization, &self.subscription);
            !state.backlog.is_empty()
        };
        if has_backlog {
            self.slots.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization(number: u32) -> OrganizationId {
        OrganizationId::stored(format!("org_{number}"))
    }

    fn subscription(number: u32) -> SubscriptionId {
        SubscriptionId::stored(format!("evs_{number}"))
    }

    #[test]
    fn deliveries_per_subscription_max() {
        let slots = Slots::new(10_000);
        let taken = slots.take(&organization(1), &subscription(1), 10_000);
        assert_eq!(taken.len(), DELIVERIES_PER_SUBSCRIPTION_MAX);
    }

    #[test]
    fn one_organization_gets_a_quarter_at_most() {
        let slots = Slots::new(64);
        let mut taken = Vec::new();
        for number in 0..64 {
            taken.extend(slots.take_for_new(&organization(1), &subscription(number)));
        }
        assert_eq!(taken.len(), 16);
        assert!(slots.take_for_new(&organization(2), &subscription(100)).is_some());
    }

    #[test]
    fn slots_come_back_and_nothing_is_remembered() {
        let slots = Slots::new(8);
        drop(slots.take(&organization(1), &subscription(1), 8));
        let state = slots.state();
        assert_eq!(state.free, 8);
        assert!(state.organizations.is_empty() && state.subscriptions.is_empty());
    }

    #[test]
    fn what_waits_in_the_table_goes_first() {
        let slots = Slots::new(8);
        slots.note_backlog(&organization(1), &subscription(1));
        assert!(slots.take_for_new(&organization(1), &subscription(1)).is_none());
        assert_eq!(slots.backlog(), [(organization(1), subscription(1))]);
        slots.clear_backlog(&subscription(1));
        assert!(slots.take_for_new(&organization(1), &subscription(1)).is_some());
    }
}

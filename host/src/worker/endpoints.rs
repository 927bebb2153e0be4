//! Which endpoints fail, and since when.
//!
//! The table has it for everybody, and what a target was read with may be long out of date: the
//! answers that came since are remembered here. Only a turn is stored, with the attempt that
//! brought it.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

use crate::domain::{
    receiver::ReceiverId,
    subscription::{Target, HealthChange},
    time::Time,
};

/// Endpoints remembered. One that is forgotten costs a needless write at most.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(100_000).expect("not zero");

/// What is known of endpoints that failed: since when they do, or that they do no more.
pub(super) struct Endpoints {
    known: Mutex<LruCache<ReceiverId, Option<Time>>>,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self { known: Mutex::new(LruCache::new(REMEMBERED_MAX)) }
    }
}

impl Endpoints {
    fn known(&self) -> MutexGuard<'_, LruCache<ReceiverId, Option<Time>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a success; gives the turn that it is, if it is one.
    pub(super) fn succeeded(&self, target: &Target) -> Option<HealthChange> {
        let mut known = self.known();
        let failing_since = known.peek(&target.receiver).copied().unwrap_or(target.failing_since);
        failing_since?;
        known.put(target.receiver.clone(), None);
        Some(HealthChange::Recovered)
    }

    /// Notes a failure; gives since when there was nothing else, and the turn that it is, if it is
    /// one.
    pub(super) fn failed(&self, target: &Target, now: Time) -> (Time, Option<HealthChange>) {
        let mut known = self.known();
        let failing_since = known.get(&target.receiver).copied().unwrap_or(target.failing_since);
        if let Some(since) = failing_since {
            return (since, None);
        }
        known.put(target.receiver.clone(), Some(now));
        (now, Some(HealthChange::Failing(now)))
    }

    /// Whether it failed last time.
    pub(super) fn is_failing(&self, target: &Target) -> bool {
        let remembered = self.known().peek(&target.receiver).copied();
        remembered.unwrap_or(target.failing_since).is_some()
    }

    /// Goes by what the table says from now on.
    pub(super) fn forget(&self, id: &ReceiverId) {
        self.known().pop(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        headers::StaticHeaders,
        id::OrganizationId,
        signature::{Secret, Secrets},
        subscription::Terms,
    };

    const NOW: Time = Time::from_millis(1_778_103_648_120);

    fn target(failing_since: Option<Time>) -> Target {
        Target {
            receiver: ReceiverId::stored("evs_1"),
            organization_id: OrganizationId::stored("org_1"),
            url: String::new(),
            is_active: true,
            disabled: None,
            failing_since,
            terms: Terms::default(),
            secrets: Secrets::new(Secret::parse("12345678").expect("legal"), None),
            headers: StaticHeaders::default(),
            since_revision: 0,
            group_id: None,
        }
    }

    #[test]
    fn only_turns_are_told() {
        let (endpoints, target) = (Endpoints::default(), target(None));
        assert_eq!(endpoints.succeeded(&target), None);
        assert_eq!(endpoints.failed(&target, NOW), (NOW, Some(HealthChange::Failing(NOW))));
        let later = NOW.plus_millis(5);
        assert_eq!(endpoints.failed(&target, later), (NOW, None));
        assert!(endpoints.is_failing(&target));
        assert_eq!(endpoints.succeeded(&target), Some(HealthChange::Recovered));
        assert_eq!(endpoints.succeeded(&target), None);
        assert_eq!(endpoints.failed(&target, later), (later, Some(HealthChange::Failing(later))));
    }

    #[test]
    fn what_was_seen_here_outdates_what_was_read() {
        let (endpoints, target) = (Endpoints::default(), target(Some(NOW)));
        assert_eq!(endpoints.failed(&target, NOW.plus_millis(9)).0, NOW);
        assert_eq!(endpoints.succeeded(&target), Some(HealthChange::Recovered));
        assert_eq!(endpoints.succeeded(&target), None);
        assert!(!endpoints.is_failing(&target));
        endpoints.forget(&target.receiver);
        assert!(endpoints.is_failing(&target));
    }
}

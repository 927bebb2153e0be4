//! The health of endpoints: which of them fail, and since when.
//!
//! The table has it for every host, and a target may have been read long ago: what attempts of this
//! host have shown since then is remembered here. Only a change from failing to well or back is
//! stored, with the attempt that brought it.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;

use crate::domain::{
    receiver::ReceiverId,
    subscription::{Target, Turn},
    time::Time,
};

/// Endpoints remembered. One that is forgotten costs a needless write at most.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(100_000).expect("not zero");

/// What attempts have shown of endpoints that failed.
pub struct EndpointHealth {
    /// Since when an endpoint fails; `None` if it does no more.
    known: Mutex<LruCache<ReceiverId, Option<Time>>>,
}

impl Default for EndpointHealth {
    fn default() -> Self {
        // Without room for all of them at once: few endpoints fail.
        Self { known: Mutex::new(LruCache::sparse(REMEMBERED_MAX)) }
    }
}

impl EndpointHealth {
    /// Notes a success; says whether the endpoint recovered by it.
    pub fn succeeded(&self, target: &Target) -> Option<Turn> {
        let mut known = self.known.lock();
        let failing_since = known.peek(&target.receiver).copied().unwrap_or(target.failing_since);
        failing_since?;
        known.put(target.receiver.clone(), None);
        Some(Turn::Recovered)
    }

    /// Notes a failure; says since when the endpoint fails, and whether it began to by this.
    pub fn failed(&self, target: &Target, now: Time) -> (Time, Option<Turn>) {
        let mut known = self.known.lock();
        let failing_since = known.get(&target.receiver).copied().unwrap_or(target.failing_since);
        if let Some(since) = failing_since {
            return (since, None);
        }
        known.put(target.receiver.clone(), Some(now));
        (now, Some(Turn::Failing(now)))
    }

    /// Whether the last attempt at the endpoint failed.
    pub fn is_failing(&self, target: &Target) -> bool {
        let remembered = self.known.lock().peek(&target.receiver).copied();
        remembered.unwrap_or(target.failing_since).is_some()
    }

    /// Forgets an endpoint: from now on what the table says of it holds.
    pub fn forget(&self, id: &ReceiverId) {
        self.known.lock().pop(id);
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
    fn only_changes_are_reported() {
        let (health, target) = (EndpointHealth::default(), target(None));
        assert_eq!(health.succeeded(&target), None);
        assert_eq!(health.failed(&target, NOW), (NOW, Some(Turn::Failing(NOW))));
        let later = NOW.plus_millis(5);
        assert_eq!(health.failed(&target, later), (NOW, None));
        assert!(health.is_failing(&target));
        assert_eq!(health.succeeded(&target), Some(Turn::Recovered));
        assert_eq!(health.succeeded(&target), None);
        assert_eq!(health.failed(&target, later), (later, Some(Turn::Failing(later))));
    }

    #[test]
    fn what_was_seen_here_outdates_what_was_read() {
        let (health, target) = (EndpointHealth::default(), target(Some(NOW)));
        assert_eq!(health.failed(&target, NOW.plus_millis(9)).0, NOW);
        assert_eq!(health.succeeded(&target), Some(Turn::Recovered));
        assert_eq!(health.succeeded(&target), None);
        assert!(!health.is_failing(&target));
        health.forget(&target.receiver);
        assert!(health.is_failing(&target));
    }
}

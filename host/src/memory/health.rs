//! The health of endpoints: which of them fail, and since when.
//!
//! The table has the health for all hosts, but an [`Endpoint`] may have been read from it long ago: the
//! changes that attempts of this host have shown since then are remembered here. Only a change from failing
//! to well or back is stored, with the attempt that brought it.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;

use crate::domain::{
    receiver::ReceiverId,
    subscription::{Endpoint, HealthChange},
    time::Time,
};

/// Endpoints remembered, each by an id and a time. One that is forgotten costs a needless write at most.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(100_000).expect("not zero");

/// The health of endpoints that failed, as the attempts of this host have shown it.
pub struct EndpointHealth {
    /// Since when an endpoint fails; `None` if it works again.
    known: Mutex<LruCache<ReceiverId, Option<Time>>>,
}

impl Default for EndpointHealth {
    fn default() -> Self {
        // Without room for all of them at once: few endpoints fail.
        Self { known: Mutex::new(LruCache::sparse(REMEMBERED_MAX)) }
    }
}

impl EndpointHealth {
    /// Notes a success; returns the change if the endpoint recovered by it.
    pub fn succeeded(&self, endpoint: &Endpoint) -> Option<HealthChange> {
        let mut known = self.known.lock();
        let failing_since = known.peek(&endpoint.receiver).copied().unwrap_or(endpoint.failing_since);
        failing_since?;
        known.put(endpoint.receiver.clone(), None);
        Some(HealthChange::Recovered)
    }

    /// Notes a failure; returns since when the endpoint fails, and the change if it began to by this.
    pub fn failed(&self, endpoint: &Endpoint, now: Time) -> (Time, Option<HealthChange>) {
        let mut known = self.known.lock();
        let failing_since = known.get(&endpoint.receiver).copied().unwrap_or(endpoint.failing_since);
        if let Some(since) = failing_since {
            return (since, None);
        }
        known.put(endpoint.receiver.clone(), Some(now));
        (now, Some(HealthChange::Failing(now)))
    }

    /// Whether the last attempt at the endpoint failed.
    pub fn is_failing(&self, endpoint: &Endpoint) -> bool {
        let remembered = self.known.lock().peek(&endpoint.receiver).copied();
        remembered.unwrap_or(endpoint.failing_since).is_some()
    }

    /// Forgets an endpoint: from now on its health is the one in the table.
    pub fn forget(&self, id: &ReceiverId) {
        self.known.lock().pop(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        headers::StaticHeaders,
        id::{OrganizationId, ProgramId},
        signature::{Secret, Secrets},
        subscription::Terms,
    };

    const NOW: Time = Time::from_millis(1_778_103_648_120);

    fn endpoint(failing_since: Option<Time>) -> Endpoint {
        Endpoint {
            program_id: ProgramId::stored("prg_1"),
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
        let (health, endpoint) = (EndpointHealth::default(), endpoint(None));
        assert_eq!(health.succeeded(&endpoint), None);
        assert_eq!(health.failed(&endpoint, NOW), (NOW, Some(HealthChange::Failing(NOW))));
        let later = NOW.plus_millis(5);
        assert_eq!(health.failed(&endpoint, later), (NOW, None));
        assert!(health.is_failing(&endpoint));
        assert_eq!(health.succeeded(&endpoint), Some(HealthChange::Recovered));
        assert_eq!(health.succeeded(&endpoint), None);
        assert_eq!(health.failed(&endpoint, later), (later, Some(HealthChange::Failing(later))));
    }

    #[test]
    fn what_was_seen_here_outdates_what_was_read() {
        let (health, endpoint) = (EndpointHealth::default(), endpoint(Some(NOW)));
        assert_eq!(health.failed(&endpoint, NOW.plus_millis(9)).0, NOW);
        assert_eq!(health.succeeded(&endpoint), Some(HealthChange::Recovered));
        assert_eq!(health.succeeded(&endpoint), None);
        assert!(!health.is_failing(&endpoint));
        health.forget(&endpoint.receiver);
        assert!(health.is_failing(&endpoint));
    }
}

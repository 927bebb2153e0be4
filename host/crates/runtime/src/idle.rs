//! Keeps idle instances of the host's own components, which have no state between calls.
//!
//! They are kept apart by organization all the same: should such a component ever remember something,
//! the others cannot learn of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::{
    digest::Digest,
    limits::{IDLE_INSTANCES_MAX, IDLE_INSTANCES_PER_ORGANIZATION_MAX},
};

/// The organization that an instance serves, and the component that it is one of.
type Key = (Arc<str>, Digest);

/// A bounded number of idle instances.
pub(crate) struct Idle<T> {
    shelves: Mutex<Shelves<T>>,
    instances_max: usize,
}

struct Shelves<T> {
    by_key: LruCache<Key, Vec<T>>,
    count: usize,
}

impl<T> Idle<T> {
    /// Makes room for as many as may be idle where `instances` may live.
    pub(crate) fn new(instances: u32) -> Self {
        let shelves = Shelves { by_key: LruCache::unbounded(), count: 0 };
        Self { shelves: Mutex::new(shelves), instances_max: IDLE_INSTANCES_MAX.min(instances as usize / 4) }
    }

    /// Takes an idle instance of the component that served the organization before.
    pub(crate) fn take(&self, organization: &Arc<str>, component: Digest) -> Option<T> {
        let mut idle = self.lock();
        let instance = idle.by_key.get_mut(&(organization.clone(), component))?.pop()?;
        idle.count -= 1;
        Some(instance)
    }

    /// Keeps an instance for later, and drops those that were not wanted the longest.
    pub(crate) fn put(&self, organization: Arc<str>, component: Digest, instance: T) {
        // Declared before the lock and so dropped after it: tearing down takes microseconds.
        let mut discarded = Vec::new();
        let mut idle = self.lock();
        let kept = idle.by_key.get_or_insert_mut((organization, component), Vec::new);
        if kept.len() == IDLE_INSTANCES_PER_ORGANIZATION_MAX {
            discarded.push(instance);
            return;
        }
        kept.push(instance);
        idle.count += 1;
        // Empty shelves wait for instances that are in use; they are bounded like full ones.
        while (idle.count > self.instances_max || idle.by_key.len() > self.instances_max)
            && let Some((_, evicted)) = idle.by_key.pop_lru()
        {
            idle.count -= evicted.len();
            discarded.extend(evicted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelves<T>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization(number: usize) -> Arc<str> {
        format!("org_{number}").into()
    }

    fn idle(instances: u32) -> (Idle<usize>, Digest) {
        (Idle::new(instances), Digest::of(b"component"))
    }

    #[test]
    fn an_instance_stays_with_its_organization() {
        let (idle, component) = idle(100);
        idle.put(organization(1), component, 7);
        assert_eq!(idle.take(&organization(2), component), None);
        assert_eq!(idle.take(&organization(1), Digest::of(b"another")), None);
        assert_eq!(idle.take(&organization(1), component), Some(7));
        assert_eq!(idle.take(&organization(1), component), None);
    }

    #[test]
    fn idle_instances_max() {
        let (idle, component) = idle(u32::MAX);
        for number in 0..IDLE_INSTANCES_MAX + 10 {
            idle.put(organization(number), component, number);
        }
        assert_eq!(idle.lock().count, IDLE_INSTANCES_MAX);
        assert_eq!(idle.take(&organization(9), component), None);
        assert_eq!(idle.take(&organization(10), component), Some(10));
    }

    #[test]
    fn idle_instances_per_organization_max() {
        let (idle, component) = idle(u32::MAX);
        for number in 0..=IDLE_INSTANCES_PER_ORGANIZATION_MAX {
            idle.put(organization(1), component, number);
        }
        assert_eq!(idle.lock().count, IDLE_INSTANCES_PER_ORGANIZATION_MAX);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let (idle, component) = idle(3);
        idle.put(organization(1), component, 1);
        assert_eq!(idle.take(&organization(1), component), None);
    }
}

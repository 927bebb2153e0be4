//! Idle instances of the host's own components, which keep no state between calls.
//!
//! They are kept apart by organization all the same: should one of ours ever remember something,
//! it does not tell it to anybody else.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

use super::instance::Live;
use crate::domain::{
    digest::Digest,
    id::OrganizationId,
    limits::{IDLE_INSTANCES_MAX, IDLE_INSTANCES_PER_ORGANIZATION_MAX},
};

type Key = (OrganizationId, Digest);

/// The idle instances, a bounded number of them.
pub(super) struct Idle<T = Live> {
    shelves: Mutex<Shelves<T>>,
    instances_max: usize,
}

struct Shelves<T> {
    by_key: LruCache<Key, Vec<T>>,
    count: usize,
}

impl<T> Idle<T> {
    /// Room for as many as may be idle beside `instances` live ones.
    pub(super) fn new(instances: u32) -> Self {
        let instances_max = IDLE_INSTANCES_MAX.min(instances as usize / 4);
        let keys_max = NonZeroUsize::new(instances_max).unwrap_or(NonZeroUsize::MIN);
        Self { shelves: Mutex::new(Shelves { by_key: LruCache::new(keys_max), count: 0 }), instances_max }
    }

    /// An idle instance, no longer idle.
    pub(super) fn take(&self, organization: &OrganizationId, component: Digest) -> Option<T> {
        let mut shelves = self.lock();
        let instance = shelves.by_key.get_mut(&(organization.clone(), component))?.pop()?;
        shelves.count -= 1;
        Some(instance)
    }

    /// Keeps an instance for later, and lets go of those that were not wanted the longest.
    pub(super) fn put(&self, organization: OrganizationId, component: Digest, instance: T) {
        // Tearing down takes microseconds, so it waits until the lock is released.
        let _discarded = self.exchange((organization, component), instance);
    }

    fn exchange(&self, key: Key, instance: T) -> Vec<T> {
        let mut shelves = self.lock();
        if self.instances_max == 0 {
            return vec![instance];
        }
        let mut discarded = Vec::new();
        if !shelves.by_key.contains(&key)
            && let Some((_, evicted)) = shelves.by_key.push(key.clone(), Vec::new())
        {
            shelves.count -= evicted.len();
            discarded = evicted;
        }
        match shelves.by_key.get_mut(&key) {
            Some(shelf) if shelf.len() < IDLE_INSTANCES_PER_ORGANIZATION_MAX => shelf.push(instance),
            _ => return vec![instance],
        }
        shelves.count += 1;
        while shelves.count > self.instances_max
            && let Some((_, evicted)) = shelves.by_key.pop_lru()
        {
            shelves.count -= evicted.len();
            discarded.extend(evicted);
        }
        discarded
    }

    fn lock(&self) -> MutexGuard<'_, Shelves<T>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization(number: usize) -> OrganizationId {
        OrganizationId::stored(format!("org_{number}"))
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

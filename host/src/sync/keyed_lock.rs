//! Locks by key: tasks with the same key run one after the other.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A lock for each key, in the order in which tasks ask for it. A key that no task holds or waits
/// for takes no memory.
#[derive(Clone)]
pub struct KeyedLock<K: Eq + Hash + Clone> {
    locks: Arc<Mutex<Locks<K>>>,
}

type Locks<K> = HashMap<K, Arc<AsyncMutex<()>>>;

/// Holds the lock of a key until it is dropped.
pub struct KeyedGuard<K: Eq + Hash + Clone> {
    // Declared before `_place`, because it has to be dropped first: then the lock is free when the place is
    // given up.
    _guard: OwnedMutexGuard<()>,
    _place: Place<K>,
}

/// Keeps a key's lock in the table for a task that holds it or waits for it.
struct Place<K: Eq + Hash + Clone> {
    key: K,
    lock: Option<Arc<AsyncMutex<()>>>,
    locks: Arc<Mutex<Locks<K>>>,
}

impl<K: Eq + Hash + Clone> Default for KeyedLock<K> {
    fn default() -> Self {
        Self { locks: Arc::default() }
    }
}

impl<K: Eq + Hash + Clone> KeyedLock<K> {
    /// Waits until the key's lock is free, behind the tasks that asked earlier.
    pub async fn lock(&self, key: &K) -> KeyedGuard<K> {
        let lock = self.locks.lock().entry(key.clone()).or_default().clone();
        let place = Place { key: key.clone(), lock: Some(lock.clone()), locks: self.locks.clone() };
        KeyedGuard { _guard: lock.lock_owned().await, _place: place }
    }

    /// Keys that a task holds or waits for.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.locks.lock().len()
    }
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut locks = self.locks.lock();
        self.lock = None;
        if locks.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use futures_util::poll;

    use super::*;

    async fn is_ready(future: impl Future) -> bool {
        poll!(pin!(future)).is_ready()
    }

    #[tokio::test]
    async fn one_after_the_other_and_nothing_is_left() {
        let locks = KeyedLock::default();
        let first = locks.lock(&"a").await;
        assert!(is_ready(locks.lock(&"b")).await, "another key is free");
        let mut second = pin!(locks.lock(&"a"));
        assert!(poll!(second.as_mut()).is_pending());
        assert!(!is_ready(locks.lock(&"a")).await, "it stopped waiting, and delays no other");
        drop(first);
        let Poll::Ready(second) = poll!(second) else { panic!("the lock is free") };
        assert_eq!(locks.len(), 1);
        drop(second);
        assert_eq!(locks.len(), 0);
    }
}

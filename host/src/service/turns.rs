//! One after the other, by key.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Lets only one at a time have a key's turn. What nobody waits for takes no memory.
pub(super) struct Turns<K: Eq + Hash + Clone> {
    locks: Arc<Mutex<Locks<K>>>,
}

type Locks<K> = HashMap<K, Arc<AsyncMutex<()>>>;

/// The right to go on, until it is dropped.
pub(super) struct Turn<K: Eq + Hash + Clone> {
    // Before the place: the lock is free when the place is given up.
    _guard: OwnedMutexGuard<()>,
    _place: Place<K>,
}

/// Somebody who has a turn or waits for one.
struct Place<K: Eq + Hash + Clone> {
    key: K,
    lock: Option<Arc<AsyncMutex<()>>>,
    locks: Arc<Mutex<Locks<K>>>,
}

impl<K: Eq + Hash + Clone> Default for Turns<K> {
    fn default() -> Self {
        Self { locks: Arc::default() }
    }
}

fn locked<K>(locks: &Mutex<Locks<K>>) -> MutexGuard<'_, Locks<K>> {
    locks.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Eq + Hash + Clone> Turns<K> {
    /// Waits for the key's turn, behind those who came earlier.
    pub(super) async fn take(&self, key: &K) -> Turn<K> {
        let lock = locked(&self.locks).entry(key.clone()).or_default().clone();
        let place = Place { key: key.clone(), lock: Some(lock.clone()), locks: self.locks.clone() };
        Turn { _guard: lock.lock_owned().await, _place: place }
    }

    /// Keys that somebody has or waits for.
    #[cfg(test)]
    fn len(&self) -> usize {
        locked(&self.locks).len()
    }
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut locks = locked(&self.locks);
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
        let turns = Turns::default();
        let first = turns.take(&"a").await;
        assert!(is_ready(turns.take(&"b")).await, "another key is free");
        let mut second = pin!(turns.take(&"a"));
        assert!(poll!(second.as_mut()).is_pending());
        assert!(!is_ready(turns.take(&"a")).await, "it was given up, and is in nobody's way");
        drop(first);
        let Poll::Ready(second) = poll!(second) else { panic!("it is its turn") };
        assert_eq!(turns.len(), 1);
        drop(second);
        assert_eq!(turns.len(), 0);
    }
}

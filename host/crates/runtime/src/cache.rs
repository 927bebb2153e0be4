//! Components in memory, bounded by the bytes of their code: an interpreter with its libraries
//! is as large as a thousand small ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::component::Component;
use crate::domain::digest::Digest;

/// The components that were used last.
pub(super) struct Cache<T = Component> {
    kept: Mutex<Kept<T>>,
    bytes_max: usize,
}

struct Kept<T> {
    by_digest: LruCache<Digest, (T, usize)>,
    bytes: usize,
}

impl<T: Clone> Cache<T> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { kept: Mutex::new(Kept { by_digest: LruCache::unbounded(), bytes: 0 }), bytes_max }
    }

    pub(super) fn get(&self, digest: Digest) -> Option<T> {
        self.lock().by_digest.get(&digest).map(|(component, _)| component.clone())
    }

    /// Keeps a component with that many bytes of code, and lets go of those that were not used the
    /// longest; one that is larger than the whole cache is not kept either.
    pub(super) fn put(&self, digest: Digest, component: T, bytes: usize) {
        let mut kept = self.lock();
        kept.bytes += bytes;
        if let Some((_, bytes_before)) = kept.by_digest.put(digest, (component, bytes)) {
            kept.bytes -= bytes_before;
        }
        while kept.bytes > self.bytes_max
            && let Some((_, (_, bytes_evicted))) = kept.by_digest.pop_lru()
        {
            kept.bytes -= bytes_evicted;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    #[test]
    fn code_cache_bytes_max() {
        let cache = Cache::new(10);
        cache.put(digest(1), 1, 5);
        cache.put(digest(2), 2, 5);
        assert_eq!(cache.get(digest(1)), Some(1), "which is now the one used last");
        cache.put(digest(3), 3, 3);
        assert_eq!([1, 2, 3].map(|number| cache.get(digest(number))), [Some(1), None, Some(3)]);
    }

    #[test]
    fn what_is_larger_than_the_cache_is_not_kept() {
        let cache = Cache::new(10);
        cache.put(digest(1), 1, 11);
        assert_eq!(cache.get(digest(1)), None);
        cache.put(digest(2), 2, 10);
        assert_eq!(cache.get(digest(2)), Some(2), "nothing is counted that is not there");
    }

    #[test]
    fn putting_again_replaces() {
        let cache = Cache::new(10);
        cache.put(digest(1), 1, 6);
        cache.put(digest(1), 1, 6);
        assert_eq!(cache.get(digest(1)), Some(1));
    }
}

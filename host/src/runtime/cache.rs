//! Components in memory, bounded by the bytes of their code: an interpreter with its libraries
//! is as large as a thousand small ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::component::Component;
use crate::domain::digest::Digest;

/// The components that were used last.
pub(super) struct Cache {
    kept: Mutex<Kept>,
    bytes_max: usize,
}

struct Kept {
    by_digest: LruCache<Digest, Component>,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { kept: Mutex::new(Kept { by_digest: LruCache::unbounded(), bytes: 0 }), bytes_max }
    }

    pub(super) fn get(&self, digest: Digest) -> Option<Component> {
        self.lock().by_digest.get(&digest).cloned()
    }

    /// Keeps a component, and lets go of those that were not used the longest. A component that
    /// is larger than the whole cache is not kept.
    pub(super) fn put(&self, component: &Component) {
        let mut kept = self.lock();
        kept.bytes += component.code_bytes();
        if let Some(before) = kept.by_digest.put(component.digest(), component.clone()) {
            kept.bytes -= before.code_bytes();
        }
        while kept.bytes > self.bytes_max
            && let Some((_, evicted)) = kept.by_digest.pop_lru()
        {
            kept.bytes -= evicted.code_bytes();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A cache that is bounded by the bytes of its values, and loads a value once however many ask for it.

use quick_cache::{Weighter, sync};

use crate::digest::Digest;

/// Values that the cache expects to hold. With so few it keeps them in one part, so that a single
/// value may be nearly as large as the whole cache: the code of an interpreter with its libraries is
/// as large as that of a thousand small components.
const VALUES_EXPECTED: usize = 32;

/// Values by the digest of the component that they are for.
pub(crate) struct Cache<T>(sync::Cache<Digest, Weighed<T>, ByBytes>);

/// A value with its size in bytes.
#[derive(Clone)]
struct Weighed<T> {
    value: T,
    bytes: usize,
}

#[derive(Clone)]
struct ByBytes;

impl<T> Weighter<Digest, Weighed<T>> for ByBytes {
    fn weight(&self, _: &Digest, weighed: &Weighed<T>) -> u64 {
        weighed.bytes as u64
    }
}

impl<T: Clone> Cache<T> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(sync::Cache::with_weighter(VALUES_EXPECTED, bytes_max as u64, ByBytes))
    }

    /// The value for this digest. When it is not there, one caller gets it from `load`, together with
    /// its bytes, while the others that want the same wait; when `load` fails, the next of them tries.
    pub(crate) fn get_or_load<E>(&self, digest: Digest, load: impl FnOnce() -> Result<(T, usize), E>) -> Result<T, E> {
        let load = || load().map(|(value, bytes)| Weighed { value, bytes });
        self.0.get_or_insert_with(&digest, load).map(|weighed| weighed.value)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicU32, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    /// Asks for a value of that many bytes, and tells whether it had to be loaded.
    fn is_loaded(cache: &Cache<()>, number: u8, bytes: usize) -> bool {
        let mut is_loaded = false;
        let load = || {
            is_loaded = true;
            Ok::<_, Infallible>(((), bytes))
        };
        let Ok(()) = cache.get_or_load(digest(number), load);
        is_loaded
    }

    #[test]
    fn code_cache_bytes_max() {
        let cache = Cache::new(1_000);
        for number in 0..100 {
            assert!(is_loaded(&cache, number, 90), "{number} is new");
        }
        assert!(cache.0.weight() <= 1_000);
        let kept = (0..100).filter(|number| !is_loaded(&cache, *number, 2_000)).count();
        assert_eq!(kept, 11, "as many as fit");
    }

    #[test]
    fn a_value_may_be_nearly_as_large_as_the_cache() {
        let cache = Cache::new(1_000);
        assert!(is_loaded(&cache, 1, 950));
        assert!(!is_loaded(&cache, 1, 950));
        assert!(is_loaded(&cache, 2, 1_001));
        assert!(is_loaded(&cache, 2, 1_001), "larger than the cache");
    }

    #[test]
    fn a_value_is_loaded_once_however_many_ask() {
        let cache = Cache::new(1_000);
        let loads = AtomicU32::new(0);
        let load = || {
            loads.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(50));
            Ok::<_, Infallible>((7, 1))
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(cache.get_or_load(digest(1), load), Ok(7)));
            }
        });
        assert_eq!(loads.into_inner(), 1);
    }

    #[test]
    fn a_value_that_could_not_be_loaded_is_tried_again() {
        let cache = Cache::new(1_000);
        assert_eq!(cache.get_or_load(digest(1), || Err::<(u8, usize), _>("no")), Err("no"));
        assert_eq!(cache.get_or_load(digest(1), || Ok::<_, &str>((7, 1))), Ok(7));
    }
}

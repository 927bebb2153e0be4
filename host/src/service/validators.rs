//! Compiled schemas, each compiled once and kept within a bound in bytes.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use tokio::sync::OnceCell;
use weir_schema::Validator;

use crate::{
    domain::{id::RegistrationId, limits::VALIDATOR_CACHE_BYTES_MAX},
    error::{Error, Result},
};

/// The validators of registrations that were emitted lately. Schemas never change, so one that is
/// here is right whatever happens to its registration.
pub(super) struct Validators {
    kept: Mutex<Kept>,
}

/// What a place takes in memory beside its validator.
const PLACE_BYTES: usize = 256;

struct Kept {
    places: LruCache<RegistrationId, Place>,
    /// Of all places together.
    bytes: usize,
}

struct Place {
    slot: Slot,
    bytes: usize,
}

/// Where a validator is, or comes when whoever compiles it is done.
type Slot = Arc<OnceCell<Arc<Validator>>>;

impl Default for Validators {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { places: LruCache::unbounded(), bytes: 0 }) }
    }
}

impl Validators {
    /// The validator of a registration, if it is in memory.
    pub(super) fn known(&self, id: &RegistrationId) -> Option<Arc<Validator>> {
        self.kept().places.get(id)?.slot.get().cloned()
    }

    /// The validator of a registration, from memory or by `compile`. Whoever asks while it is
    /// being compiled waits for it.
    pub(super) async fn get(
        &self,
        id: &RegistrationId,
        compile: impl Future<Output = Result<Validator>>,
    ) -> Result<Arc<Validator>> {
        let slot = self.slot(id);
        let compile_and_count = async {
            let validator = Arc::new(compile.await?);
            self.count(id, &slot, validator.approximate_bytes());
            Ok::<_, Error>(validator)
        };
        slot.get_or_try_init(|| compile_and_count).await.cloned()
    }

    /// What is kept, in bytes.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.kept().bytes
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, id: &RegistrationId) -> Slot {
        let mut kept = self.kept();
        if let Some(place) = kept.places.get(id) {
            return place.slot.clone();
        }
        let slot = Slot::default();
        kept.places.put(id.clone(), Place { slot: slot.clone(), bytes: PLACE_BYTES });
        kept.bytes += PLACE_BYTES;
        kept.make_room();
        slot
    }

    /// Counts a new validator. One that was forgotten while it was compiled serves those who
    /// waited, and nobody after them.
    fn count(&self, id: &RegistrationId, slot: &Slot, bytes: usize) {
        let mut kept = self.kept();
        if let Some(place) = kept.places.peek_mut(id).filter(|place| Arc::ptr_eq(&place.slot, slot)) {
            place.bytes += bytes;
            kept.bytes += bytes;
            kept.make_room();
        }
    }
}

impl Kept {
    /// Forgets what was asked for the longest time ago until the rest fits.
    fn make_room(&mut self) {
        while self.bytes > VALIDATOR_CACHE_BYTES_MAX {
            let Some((_, place)) = self.places.pop_lru() else { return };
            self.bytes -= place.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::time::Time;

    /// Compiles a schema.
    fn compiled(schema: &str) -> Result<Validator> {
        Ok(weir_schema::inspect(schema)?.validator)
    }

    fn id(number: u128) -> RegistrationId {
        RegistrationId::new(Time::from_millis(0), number)
    }

    /// A schema whose validator takes some three megabytes.
    fn large() -> String {
        format!(r#"{{"description":"{}"}}"#, "x".repeat(250_000))
    }

    #[tokio::test]
    async fn validator_cache_bytes_max() {
        let validators = Validators::default();
        let compilations = AtomicUsize::new(0);
        let get = async |number: u128| {
            let compile = async {
                compilations.fetch_add(1, Ordering::Relaxed);
                compiled(&large())
            };
            validators.get(&id(number), compile).await.expect("legal").approximate_bytes()
        };
        let each = get(0).await;
        let fitting = VALIDATOR_CACHE_BYTES_MAX / (each + PLACE_BYTES);
        for number in 1..fitting {
            get(number as u128).await;
            get(0).await;
        }
        assert_eq!(compilations.load(Ordering::Relaxed), fitting, "nothing was compiled twice");
        get(fitting as u128).await;
        assert!(validators.bytes() <= VALIDATOR_CACHE_BYTES_MAX, "{} bytes", validators.bytes());
        // The one asked for all the time stayed, the one asked for the longest time ago went.
        get(0).await;
        assert_eq!(compilations.load(Ordering::Relaxed), fitting + 1);
        get(1).await;
        assert_eq!(compilations.load(Ordering::Relaxed), fitting + 2);
    }

    #[tokio::test]
    async fn many_who_ask_at_once_have_it_compiled_once() {
        let (validators, compilations) = (Validators::default(), AtomicUsize::new(0));
        let ask = async || {
            let compile = async {
                compilations.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                compiled("{}")
            };
            validators.get(&id(1), compile).await
        };
        let answers = futures_util::future::join_all((0..64).map(|_| ask())).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(compilations.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_does_not_compile_is_tried_again() {
        let validators = Validators::default();
        let broken = validators.get(&id(1), async { compiled("[]") }).await;
        assert!(broken.is_err());
        let sound = validators.get(&id(1), async { compiled("{}") }).await;
        assert!(sound.is_ok());
    }
}

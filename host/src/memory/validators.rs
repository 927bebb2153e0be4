//! Compiled schemas, each compiled once and kept within a bound in bytes.

use std::{future::Future, sync::Arc};

use quick_cache::{Weighter, sync::Cache};

use weir_schema::Validator;

use super::cache::one_shard;
use crate::{
    domain::{id::RegistrationId, limits::VALIDATOR_CACHE_BYTES_MAX},
    error::Result,
};

/// Bytes that an entry takes beside its validator.
const ENTRY_BYTES: usize = 256;
/// Validators that are expected at most: those of usual schemas take some ten kilobytes.
const VALIDATORS_EXPECTED: usize = 10_000;

/// The validators of registrations that were emitted lately. Schemas never change, so one that is
/// kept is right whatever happens to its registration.
pub(super) struct Validators {
    // One shard: a fraction of the bound might be too small for the largest validators.
    kept: Cache<RegistrationId, Arc<Validator>, Bytes>,
}

/// Weighs a validator by the bytes that it takes.
#[derive(Clone)]
struct Bytes;

impl Weighter<RegistrationId, Arc<Validator>> for Bytes {
    fn weight(&self, _: &RegistrationId, validator: &Arc<Validator>) -> u64 {
        (ENTRY_BYTES + validator.approximate_bytes()) as u64
    }
}

impl Default for Validators {
    fn default() -> Self {
        Self { kept: one_shard(VALIDATORS_EXPECTED, VALIDATOR_CACHE_BYTES_MAX, Bytes) }
    }
}

impl Validators {
    /// The validator of a registration, if it is kept.
    pub(super) fn get(&self, id: &RegistrationId) -> Option<Arc<Validator>> {
        self.kept.get(id)
    }

    /// The validator of a registration, kept or made by `compile`. Tasks that ask for it while it is
    /// being compiled wait for it.
    pub(super) async fn get_or_compile(
        &self,
        id: &RegistrationId,
        compile: impl Future<Output = Result<Validator>>,
    ) -> Result<Arc<Validator>> {
        self.kept.get_or_insert_async(id, async { compile.await.map(Arc::new) }).await
    }

    /// Bytes of all that is kept.
    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.kept.weight()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::time::Time;

    fn inspect(schema: &str) -> Result<Validator> {
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
                inspect(&large())
            };
            validators.get_or_compile(&id(number), compile).await.expect("legal").approximate_bytes()
        };
        let each = get(0).await;
        let fitting = VALIDATOR_CACHE_BYTES_MAX / (each + ENTRY_BYTES);
        for number in 1..fitting {
            get(number as u128).await;
            get(0).await;
        }
        assert_eq!(compilations.load(Ordering::Relaxed), fitting, "nothing was compiled twice");
        for number in fitting..fitting + 8 {
            get(number as u128).await;
            assert!(validators.bytes() <= VALIDATOR_CACHE_BYTES_MAX as u64, "{} bytes", validators.bytes());
        }
        // The one asked for all the time stayed; as many of the others as did not fit went.
        get(0).await;
        assert_eq!(compilations.load(Ordering::Relaxed), fitting + 8);
        let kept = (0..fitting + 8).filter(|number| validators.get(&id(*number as u128)).is_some());
        assert_eq!(kept.count(), fitting);
    }

    #[tokio::test]
    async fn many_who_ask_at_once_have_it_compiled_once() {
        let (validators, compilations) = (Validators::default(), AtomicUsize::new(0));
        let ask = async || {
            let compile = async {
                compilations.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                inspect("{}")
            };
            validators.get_or_compile(&id(1), compile).await
        };
        let answers = futures_util::future::join_all((0..64).map(|_| ask())).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(compilations.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_does_not_compile_is_tried_again() {
        let validators = Validators::default();
        let broken = validators.get_or_compile(&id(1), async { inspect("[]") }).await;
        assert!(broken.is_err());
        let sound = validators.get_or_compile(&id(1), async { inspect("{}") }).await;
        assert!(sound.is_ok());
    }
}

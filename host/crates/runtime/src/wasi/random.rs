//! Random numbers that follow from the event and the component.
//!
//! Block `n` of the stream is SHA-256 of seed and `n`; the seed is SHA-256 of the event's id and
//! the component's digest, so both together predict it. That is no loss: a pure component has no use
//! for secrets, only for numbers that look random.

use sha2::{Digest as _, Sha256};
use wasmtime::{Result, bail};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::{digest::Digest, limits::RANDOM_BYTES_MAX};

/// The random numbers of one call. Most calls want none, so the seed is computed for the first.
#[derive(Debug)]
pub(super) struct Random {
    event_id: Box<str>,
    component: Digest,
    seed: Option<[u8; 32]>,
    blocks: u64,
}

impl Random {
    pub(super) fn new(event_id: &str, component: Digest) -> Self {
        Self { event_id: event_id.into(), component, seed: None, blocks: 0 }
    }

    fn block(&mut self) -> [u8; 32] {
        let Self { event_id, component, seed, blocks } = self;
        let seed = seed.get_or_insert_with(|| {
            Sha256::new().chain_update(event_id.as_bytes()).chain_update(component.as_bytes()).finalize().into()
        });
        *blocks += 1;
        Sha256::new().chain_update(seed).chain_update(blocks.to_le_bytes()).finalize().into()
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        if length > RANDOM_BYTES_MAX {
            bail!("{length} random bytes were asked for; {RANDOM_BYTES_MAX} are given at once");
        }
        let mut bytes = vec![0; usize::try_from(length)?];
        for part in bytes.chunks_mut(32) {
            part.copy_from_slice(&self.block()[..part.len()]);
        }
        Ok(bytes)
    }

    fn number(&mut self) -> u64 {
        let block = self.block();
        u64::from_le_bytes(std::array::from_fn(|at| block[at]))
    }
}

impl random::Host for Random {
    fn get_random_bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        self.bytes(length)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(self.number())
    }
}

impl insecure::Host for Random {
    fn get_insecure_random_bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        self.bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(self.number())
    }
}

impl insecure_seed::Host for Random {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.number(), self.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_follows_from_event_and_component() {
        let draw = |event: &str, component: &[u8]| Random::new(event, Digest::of(component)).bytes(100).expect("legal");
        assert_eq!(draw("evt_1", b"a"), draw("evt_1", b"a"));
        assert_ne!(draw("evt_1", b"a"), draw("evt_2", b"a"));
        assert_ne!(draw("evt_1", b"a"), draw("evt_1", b"b"));
    }

    #[test]
    fn the_stream_goes_on() {
        let mut random = Random::new("evt_1", Digest::of(b"a"));
        assert_ne!(random.number(), random.number());
    }

    #[test]
    fn random_bytes_max() {
        let mut random = Random::new("evt_1", Digest::of(b"a"));
        assert!(random.bytes(RANDOM_BYTES_MAX).is_ok());
        assert!(random.bytes(RANDOM_BYTES_MAX + 1).is_err());
    }
}

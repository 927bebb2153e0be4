//! The rate limit: requests per hour and API key (contract 1.10), counted in this process.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;

use crate::{
    domain::{id::ApiKeyId, time::Time},
    error::{Error, Result},
    fail,
};

const WINDOW_SECONDS: i64 = 3_600;

/// Limits per hour and key, and the counts of the present hour.
pub struct RateLimits {
    ordinary_max: u32,
    /// Emits have a limit of their own: there are many more of them.
    emits_max: u32,
    window: Mutex<Window>,
}

struct Window {
    /// Whole hours since the Unix epoch.
    number: i64,
    counts: HashMap<(ApiKeyId, Kind), u32>,
}

/// Requests of each kind are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Ordinary,
    Emit,
}

/// How much of its limit a key has left after a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    limit: u32,
    remaining: u32,
    /// When the hour ends, in Unix seconds.
    reset: i64,
}

impl RateLimits {
    /// Limits ordinary requests and emits, each per hour and key.
    pub fn new(ordinary_max: u32, emits_max: u32) -> Self {
        Self { ordinary_max, emits_max, window: Mutex::new(Window { number: 0, counts: HashMap::new() }) }
    }

    /// Counts a request. Code `RATE_LIMITED` beyond the limit. The [`Standing`] is for the headers
    /// of either answer.
    pub(super) fn count(&self, key: &ApiKeyId, kind: Kind, now: Time) -> (Standing, Result<()>) {
        let limit = match kind {
            Kind::Ordinary => self.ordinary_max,
            Kind::Emit => self.emits_max,
        };
        let number = now.as_seconds().div_euclid(WINDOW_SECONDS);
        let reset = (number + 1) * WINDOW_SECONDS;
        let mut window = self.window.lock();
        if window.number != number {
            *window = Window { number, counts: HashMap::new() };
        }
        let count = window.counts.entry((key.clone(), kind)).or_default();
        if *count >= limit {
            return (Standing { limit, remaining: 0, reset }, Err(exceeded(limit, reset - now.as_seconds())));
        }
        *count += 1;
        (Standing { limit, remaining: limit - *count, reset }, Ok(()))
    }
}

fn exceeded(limit: u32, seconds: i64) -> Error {
    let seconds = u32::try_from(seconds).unwrap_or(1).max(1);
    fail!(RateLimited, "this key has used its {limit} requests of the hour; come again in {seconds} seconds")
        .retry_after(seconds)
}

impl Standing {
    /// Adds the three headers that every answer to an organization carries.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(self.reset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_key_gets_its_requests_and_a_new_hour_gives_new_ones() {
        let limits = RateLimits::new(2, 3);
        let key = ApiKeyId::stored("key_1");
        let count = |kind, at| limits.count(&key, kind, Time::from_millis(at)).1.map_err(|error| error.code());
        assert_eq!(count(Kind::Ordinary, 0), Ok(()));
        assert_eq!(count(Kind::Ordinary, 1), Ok(()));
        assert_eq!(count(Kind::Ordinary, 2), Err(Code::RateLimited));
        assert_eq!(count(Kind::Emit, 2), Ok(()));
        assert_eq!(count(Kind::Ordinary, 3_600_000), Ok(()));
    }

    #[test]
    fn the_wait_is_in_whole_seconds_until_the_hour_ends() {
        let limits = RateLimits::new(0, 0);
        let (standing, refused) =
            limits.count(&ApiKeyId::stored("key_1"), Kind::Ordinary, Time::from_millis(3_599_500));
        assert_eq!(standing.reset, 3_600);
        assert_eq!(refused.map_err(|error| error.retry_after_s()), Err(Some(1)));
    }
}

//! Flow control: how many attempts an endpoint gets at once, by the rate that its owner set and by how
//! it responded so far.

use super::{
    limits::{DELIVERIES_PER_SUBSCRIPTION_MAX, FLOW_WINDOW_START},
    subscription::Terms,
    time::Time,
};

/// Milliseconds of a second, and so thousandths of a token.
const THOUSAND: i64 = 1_000;

/// How much a subscription allows at most, whatever its endpoint can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Attempts under way at once.
    pub in_flight_max: usize,
    /// Attempts per second; `None` is unlimited.
    pub per_second: Option<u32>,
}

impl Limits {
    /// Takes what the owner set, and the host's defaults for the rest.
    pub fn new(max_in_flight: Option<u32>, per_second: Option<u32>) -> Self {
        let asked = max_in_flight.and_then(|number| usize::try_from(number).ok());
        Self { in_flight_max: asked.unwrap_or(DELIVERIES_PER_SUBSCRIPTION_MAX).max(1), per_second }
    }

    /// The limits that a subscription's terms set.
    pub fn of(terms: &Terms) -> Self {
        Self::new(terms.max_in_flight, terms.rate_limit_per_second)
    }
}

/// Limits a rate: each attempt takes a token, and tokens come back at the rate. It holds those of one
/// second at most.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    per_second: u32,
    /// Thousandths of tokens, because a whole number loses nothing however often it is brought up to
    /// date.
    level: i64,
    at: Time,
}

impl TokenBucket {
    /// A bucket with the tokens of one second.
    pub fn full(per_second: u32, now: Time) -> Self {
        Self { per_second, level: i64::from(per_second) * THOUSAND, at: now }
    }

    /// The rate.
    pub fn per_second(&self) -> u32 {
        self.per_second
    }

    fn level_at(&self, now: Time) -> i64 {
        let elapsed_ms = now.millis_since(self.at).max(0);
        let refilled = elapsed_ms.saturating_mul(i64::from(self.per_second));
        self.level.saturating_add(refilled).min(i64::from(self.per_second) * THOUSAND)
    }

    /// Whether there is a token to take.
    pub fn has_token(&self, now: Time) -> bool {
        self.level_at(now) >= THOUSAND
    }

    /// Whether all tokens are back, so that a new bucket would be the same.
    pub fn is_full(&self, now: Time) -> bool {
        self.level_at(now) >= i64::from(self.per_second) * THOUSAND
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now: Time) -> bool {
        let level = self.level_at(now);
        // A clock that goes back takes no tokens away.
        (self.level, self.at) = (level, self.at.max(now));
        let is_there = level >= THOUSAND;
        if is_there {
            self.level -= THOUSAND;
        }
        is_there
    }

    /// Puts back a token that was not used.
    pub fn put_back(&mut self) {
        self.level = (self.level + THOUSAND).min(i64::from(self.per_second) * THOUSAND);
    }

    /// The earliest time at which there is a token.
    pub fn next_token_at(&self, now: Time) -> Time {
        let missing = (THOUSAND - self.level_at(now)).max(0);
        let per_second = i64::from(self.per_second).max(1);
        now.plus_millis((missing + per_second - 1) / per_second)
    }
}

/// How an endpoint responded to an attempt, as far as flow control cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointResponse {
    /// The endpoint acknowledged at once.
    Quick,
    /// The endpoint acknowledged, but took long.
    Slow,
    /// The endpoint refused, which tells nothing about its speed.
    Refused,
    /// The endpoint did not answer in time, could not be reached, or asked for fewer requests.
    Overwhelmed,
}

/// How many attempts an endpoint can take at once, learned from its responses: a few at first, one more
/// for each quick success, half as many when it is overwhelmed.
#[derive(Clone, Debug)]
pub struct Window {
    size: usize,
    /// Slow successes since the window last grew.
    slow: usize,
    is_overwhelmed: bool,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: FLOW_WINDOW_START, slow: 0, is_overwhelmed: false }
    }
}

impl Window {
    /// Attempts under way at once.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the endpoint was overwhelmed and has acknowledged nothing since.
    pub fn is_overwhelmed(&self) -> bool {
        self.is_overwhelmed
    }

    /// Learns from a response. `max` caps growth only: a maximum that its owner lowered since is applied by
    /// the caller, and the learned size is kept.
    pub fn learn(&mut self, response: EndpointResponse, max: usize) {
        match response {
            EndpointResponse::Quick | EndpointResponse::Slow => self.is_overwhelmed = false,
            EndpointResponse::Refused => {}
            EndpointResponse::Overwhelmed => self.is_overwhelmed = true,
        }
        match response {
            EndpointResponse::Quick => self.grow(max),
            EndpointResponse::Slow => {
                // As many slow successes as the window is large make it one larger.
                self.slow += 1;
                if self.slow >= self.size {
                    self.grow(max);
                }
            }
            EndpointResponse::Refused => {}
            EndpointResponse::Overwhelmed => (self.size, self.slow) = ((self.size / 2).max(1), 0),
        }
    }

    fn grow(&mut self, max: usize) {
        self.size = self.size.max((self.size + 1).min(max));
        self.slow = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_millis(1_778_103_648_120);

    #[test]
    fn a_bucket_gives_a_second_at_once_and_then_its_rate() {
        let mut bucket = TokenBucket::full(4, NOW);
        let taken = |bucket: &mut TokenBucket, now| (0..10).take_while(|_| bucket.take(now)).count();
        assert_eq!(taken(&mut bucket, NOW), 4);
        assert_eq!(taken(&mut bucket, NOW.plus_millis(249)), 0);
        assert_eq!(bucket.next_token_at(NOW.plus_millis(249)), NOW.plus_millis(250));
        assert_eq!(taken(&mut bucket, NOW.plus_millis(250)), 1);
        assert_eq!(taken(&mut bucket, NOW.plus_millis(1_000)), 3);
        assert_eq!(taken(&mut bucket, NOW.plus_millis(60_000)), 4);
    }

    #[test]
    fn a_token_that_was_not_used_comes_back() {
        let mut bucket = TokenBucket::full(1, NOW);
        assert!(bucket.take(NOW) && !bucket.has_token(NOW));
        bucket.put_back();
        assert!(bucket.is_full(NOW));
        bucket.put_back();
        assert!(bucket.take(NOW) && !bucket.take(NOW));
    }

    #[test]
    fn a_clock_that_goes_back_neither_gives_nor_takes() {
        let mut bucket = TokenBucket::full(1, NOW);
        assert!(bucket.take(NOW));
        assert!(!bucket.take(NOW.plus_millis(-5_000)));
        assert!(!bucket.take(NOW.plus_millis(999)));
        assert!(bucket.take(NOW.plus_millis(1_000)));
    }

    #[test]
    fn a_window_grows_with_success_and_is_halved_by_silence() {
        let mut window = Window::default();
        for _ in 0..100 {
            window.learn(EndpointResponse::Quick, 64);
        }
        assert_eq!(window.size(), 64);
        window.learn(EndpointResponse::Refused, 64);
        window.learn(EndpointResponse::Overwhelmed, 64);
        assert_eq!(window.size(), 32);
        for _ in 0..10 {
            window.learn(EndpointResponse::Overwhelmed, 64);
        }
        assert!(window.size() == 1 && window.is_overwhelmed());
        window.learn(EndpointResponse::Slow, 64);
        assert_eq!(window.size(), 2);
        window.learn(EndpointResponse::Slow, 64);
        assert_eq!(window.size(), 2);
        window.learn(EndpointResponse::Slow, 64);
        assert_eq!(window.size(), 3);
    }

    #[test]
    fn flow_window_start() {
        assert_eq!(Window::default().size(), FLOW_WINDOW_START);
        assert!(!Window::default().is_overwhelmed());
    }

    #[test]
    fn limits_are_those_of_the_terms_or_the_hosts() {
        assert_eq!(Limits::new(None, None).in_flight_max, DELIVERIES_PER_SUBSCRIPTION_MAX);
        assert_eq!(Limits::new(Some(100), Some(5)), Limits { in_flight_max: 100, per_second: Some(5) });
    }

    proptest! {
        #[test]
        fn never_more_than_its_rate_and_one_second_ahead(
            per_second in 1_u32..1_000,
            steps in proptest::collection::vec(0_i64..400, 1..200),
        ) {
            let mut bucket = TokenBucket::full(per_second, NOW);
            let (mut now, mut taken) = (NOW, 0_i64);
            for step in steps {
                now = now.plus_millis(step);
                while bucket.take(now) {
                    taken += 1;
                }
                let allowed = i64::from(per_second) * (now.millis_since(NOW) + THOUSAND);
                prop_assert!(taken * THOUSAND <= allowed, "{} of {}", taken * THOUSAND, allowed);
            }
        }
    }
}

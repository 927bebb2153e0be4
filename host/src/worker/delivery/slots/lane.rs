//! Lanes: how many deliveries one receiver has under way, and whether it may have one more.
//!
//! An endpoint begins with a few slots and earns more with every quick success; one that does not answer
//! loses half of them each time ([`Window`]). Beyond that, the fuller its organization's share is, the fewer
//! endpoints may still take of it: slow endpoints may fill the first half of the share, and the last quarter
//! is for endpoints that have nothing under way. So endpoints that hang do not use up the slots that other
//! endpoints of their organization need.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{
    flow::{EndpointResponse, Limits, TokenBucket, Window},
    id::OrganizationId,
    time::Time,
};

/// An attempt that takes longer makes its endpoint count as slow until it has answered.
const SLOW: Duration = Duration::from_millis(500);
/// How long an idle endpoint is remembered: longer than the common wait between retries, so that an endpoint
/// that does not answer is known as such at each of them.
const REMEMBERED: Duration = Duration::from_mins(5);

/// The deliveries under way to one receiver, with its limits and what its answers have taught.
pub(super) struct Lane {
    pub(super) organization: OrganizationId,
    limits: Limits,
    window: Window,
    bucket: Option<TokenBucket>,
    /// The numbers of the slots that are taken, the oldest first, and when each attempt began; `None` before
    /// that.
    under_way: Vec<(u64, Option<Instant>)>,
    /// How many of `under_way` belong to replays.
    replays: usize,
    last_used: Instant,
}

impl Lane {
    pub(super) fn new(organization: OrganizationId, limits: Limits, now: Time) -> Self {
        Self {
            organization,
            limits,
            window: Window::default(),
            bucket: limits.per_second.map(|per_second| TokenBucket::full(per_second, now)),
            under_way: Vec::new(),
            replays: 0,
            last_used: Instant::now(),
        }
    }

    pub(super) fn set_limits(&mut self, limits: Limits, now: Time) {
        self.limits = limits;
        if self.bucket.as_ref().map(TokenBucket::per_second) != limits.per_second {
            self.bucket = limits.per_second.map(|per_second| TokenBucket::full(per_second, now));
        }
    }

    pub(super) fn has_token(&self, now: Time) -> bool {
        self.bucket.as_ref().is_none_or(|bucket| bucket.has_token(now))
    }

    pub(super) fn next_token_at(&self, now: Time) -> Option<Time> {
        self.bucket.as_ref().map(|bucket| bucket.next_token_at(now))
    }

    /// Deliveries that may be under way at once: as many as the endpoint has earned, within its limit.
    fn ceiling(&self) -> usize {
        self.limits.in_flight_max.min(self.window.size())
    }

    fn is_slow(&self, now: Instant) -> bool {
        let oldest = self.under_way.iter().find_map(|(_, since)| *since);
        self.window.is_overwhelmed() || oldest.is_some_and(|since| now.duration_since(since) > SLOW)
    }

    /// Whether one more delivery may be under way, when the organization holds `tenant_held` slots of its
    /// `share`.
    pub(super) fn has_room(&self, tenant_held: usize, share: usize, now: Instant) -> bool {
        let held = self.under_way.len();
        if held >= self.ceiling() || tenant_held >= share {
            return false;
        }
        if tenant_held == 0 {
            return true;
        }
        let (half, three_quarters) = (share / 2, share - share / 4);
        if self.is_slow(now) {
            return tenant_held < if held == 0 { three_quarters } else { half };
        }
        tenant_held < three_quarters || held == 0
    }

    /// Whether one more replay may be under way: replays get `1 / share` of the receiver's limit, and at
    /// least one slot.
    pub(super) fn has_room_for_replay(&self, share: usize) -> bool {
        self.replays < (self.limits.in_flight_max / share).max(1)
    }

    /// Notes that a slot is taken, and takes a token of the rate.
    pub(super) fn take(&mut self, number: u64, is_replay: bool, now: Time) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        self.last_used = Instant::now();
        self.under_way.push((number, None));
        self.replays += usize::from(is_replay);
    }

    /// Notes that the slot's attempt begins: only from here on is the endpoint waited for.
    pub(super) fn begin(&mut self, number: u64) {
        if let Some((_, since)) = self.under_way.iter_mut().find(|(held, _)| *held == number) {
            *since = Some(Instant::now());
        }
    }

    /// Frees a slot, and learns from how the endpoint responded. The token of an attempt that never began is
    /// put back.
    pub(super) fn give_back(&mut self, number: u64, is_replay: bool, response: Option<EndpointResponse>) {
        let Some(at) = self.under_way.iter().position(|(held, _)| *held == number) else { return };
        let (_, since) = self.under_way.remove(at);
        self.replays -= usize::from(is_replay);
        self.last_used = Instant::now();
        if let Some(bucket) = self.bucket.as_mut().filter(|_| since.is_none()) {
            bucket.put_back();
        }
        let took_long = since.is_some_and(|since| self.last_used.duration_since(since) > SLOW);
        match response {
            Some(EndpointResponse::Quick) if took_long => {
                self.window.learn(EndpointResponse::Slow, self.limits.in_flight_max);
            }
            Some(response) => self.window.learn(response, self.limits.in_flight_max),
            None => {}
        }
    }

    /// Whether the lane may be dropped: it has been idle for long, and its bucket is as full as that of a new
    /// one.
    pub(super) fn is_forgettable(&self, instant: Instant, now: Time) -> bool {
        self.under_way.is_empty()
            && instant.duration_since(self.last_used) > REMEMBERED
            && self.bucket.as_ref().is_none_or(|bucket| bucket.is_full(now))
    }
}

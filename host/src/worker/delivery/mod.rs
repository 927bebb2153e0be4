//! Delivery: [`claim`] takes due deliveries from the table, [`slots`] say how many may be under way,
//! [`job`] makes one attempt.

use crate::domain::time::Time;

pub(super) mod claim;
pub(super) mod job;
pub(super) mod slots;

/// How long a claim on a delivery holds: ten seconds for the endpoint, eight for a batch of the ledger, the
/// retries of settling, and as much again.
const LEASE_MS: i64 = 60_000;

/// The end of a claim that is made `now`.
pub(super) fn lease_from(now: Time) -> Time {
    now.plus_millis(LEASE_MS)
}

//! How long finished events, deliveries and attempts are kept.

use super::{limits::RETENTION_DAYS_DEFAULT, time::Time};

/// Seconds between two runs of housekeeping, unless set: short enough that few old rows gather.
pub const HOUSEKEEPING_SECONDS_DEFAULT: u64 = 600;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600_000;

/// A number of days, or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(Option<u32>);

impl Days {
    /// Takes a number of days; 0 means for ever.
    pub const fn new(days: u32) -> Self {
        Self(if days == 0 { None } else { Some(days) })
    }

    /// The time before which rows are old; `None` when rows are kept for ever.
    pub fn before(self, now: Time) -> Option<Time> {
        self.0.map(|days| now.plus_millis(-i64::from(days) * DAY_MS))
    }
}

/// How long each kind of row is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events with their deliveries, counted from when the event was accepted.
    pub events: Days,
    /// Attempts of deliveries that are finished and no dead letters, counted from when the delivery was
    /// created.
    pub attempts: Days,
    /// Dead letters, counted from when the delivery last changed; their events are kept as long.
    pub dead_letters: Days,
    /// Rows of the relay log, counted from when they were written.
    pub relay_log: Days,
}

impl Default for Retention {
    /// 90 days for everything, as contract 4 has it for the relay log.
    fn default() -> Self {
        let quarter = Days::new(RETENTION_DAYS_DEFAULT);
        Self { events: quarter, attempts: quarter, dead_letters: quarter, relay_log: quarter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_days_are_for_ever() {
        let now = Time::from_millis(10 * DAY_MS);
        assert_eq!(Days::new(0).before(now), None);
        assert_eq!(Days::new(3).before(now), Some(Time::from_millis(7 * DAY_MS)));
    }
}

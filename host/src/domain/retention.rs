//! How long what is finished is kept.

use super::{limits::RETENTION_DAYS_DEFAULT, time::Time};

/// Seconds between two looks for what is old, unless the operator says otherwise: often enough that
/// little gathers.
pub const HOUSEKEEPING_SECONDS_DEFAULT: u64 = 600;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600_000;

/// A number of days; none means for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(Option<u32>);

impl Days {
    /// So many days; 0 means for ever.
    pub const fn new(days: u32) -> Self {
        Self(if days == 0 { None } else { Some(days) })
    }

    /// The time before which things are old; `None` when nothing ever is.
    pub fn before(self, now: Time) -> Option<Time> {
        self.0.map(|days| now.plus_millis(-i64::from(days) * DAY_MS))
    }
}

/// How long each kind of thing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events with their deliveries, since they were accepted.
    pub events: Days,
    /// Attempts of deliveries that ended well, since they were routed.
    pub attempts: Days,
    /// Dead letters, since they died; their events stay as long.
    pub dead_letters: Days,
    /// Rows of the log of relays, since they were written.
    pub relay_log: Days,
}

impl Default for Retention {
    /// A quarter of a year, as contract 4 has it for the log of relays.
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

//! Points in time, in whole milliseconds, on the wire as in the database.

use std::fmt;

use jiff::{
    SignedDuration,
    civil::{self, DateTime},
    fmt::temporal::Pieces,
};

/// The beginning of Unix time.
const EPOCH: DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);
/// The last millisecond that RFC 3339 can write.
const LATEST_MS: i64 = 253_402_300_799_999;

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Time(i64);

impl Time {
    /// Takes milliseconds since the Unix epoch.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Later (or, with a negative number, earlier) by this many milliseconds; stops at the ends.
    #[must_use]
    pub const fn plus_millis(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to here; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The UTC calendar month, `2026-05`: the unit of the emit quota.
    pub fn month(self) -> String {
        self.utc().strftime("%Y-%m").to_string()
    }

    /// Whole seconds until the next UTC calendar month begins, 1 at least.
    pub fn seconds_to_next_month(self) -> u32 {
        let end = self.utc().date().last_of_month().to_datetime(civil::Time::MAX);
        let seconds = end.duration_since(self.utc()).as_secs() + 1;
        u32::try_from(seconds).unwrap_or(1).max(1)
    }

    /// Reads RFC 3339 text, with any offset, up to the end of the year 9999 in UTC. Parts of a millisecond are
    /// dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let pieces = Pieces::parse(text).ok()?;
        let local = pieces.date().to_datetime(pieces.time()?).duration_since(EPOCH);
        let offset = SignedDuration::from_secs(pieces.to_numeric_offset()?.seconds().into());
        let milliseconds = i64::try_from(local.checked_sub(offset)?.as_millis()).ok()?;
        (milliseconds <= LATEST_MS).then_some(Self(milliseconds))
    }

    /// Date and time of day in UTC. Unlike jiff's timestamps these reach to the end of the year 9999.
    fn utc(self) -> DateTime {
        EPOCH.saturating_add(SignedDuration::from_millis(self.0))
    }
}

/// `2026-05-06T21:40:48.000Z`, always with three fractional digits, as JavaScript writes it.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}Z", self.utc())
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_three_fractional_digits() {
        assert_eq!(Time::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Time::from_millis(1_778_103_648_120).to_string(), "2026-05-06T21:40:48.120Z");
    }

    #[test]
    fn reads_what_it_writes_and_other_offsets() {
        let time = Time::from_millis(1_778_103_648_120);
        assert_eq!(Time::parse(&time.to_string()), Some(time));
        assert_eq!(Time::parse("1970-01-01T01:00:00+01:00"), Some(Time::from_millis(0)));
        for wrong in ["yesterday", "2026-05-06", "2026-05-06T21:40:48", "2026-05-06T21:40:48 02:00", "21:40:48Z"] {
            assert_eq!(Time::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_reach_to_the_end_of_the_year_9999() {
        for (text, shown) in [
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
            ("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-31T23:59:59+23:00", "9999-12-31T00:59:59.000Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
        ] {
            assert_eq!(Time::parse(text).expect(text).to_string(), shown);
        }
        assert_eq!(Time::parse("9999-12-31T23:59:59-00:01"), None, "that is the year 10000");
    }

    #[test]
    fn months_turn_in_utc() {
        let newest = Time::parse("2026-12-31T23:59:59.999Z").expect("valid");
        assert_eq!(newest.month(), "2026-12");
        assert_eq!(newest.plus_millis(1).month(), "2027-01");
        assert_eq!(newest.seconds_to_next_month(), 1);
        assert_eq!(newest.plus_millis(1).seconds_to_next_month(), 31 * 86_400);
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        assert_eq!(Time::from_millis(i64::MAX).plus_millis(1).as_millis(), i64::MAX);
        let _ = Time::from_millis(i64::MIN).to_string();
    }
}

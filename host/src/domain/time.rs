//! Points in time, in whole milliseconds, on the wire as in the database.

use std::fmt;

use jiff::Timestamp;

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
        self.timestamp().strftime("%Y-%m").to_string()
    }

    /// Reads RFC 3339 text, with any offset. Parts of a millisecond are dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let timestamp: Timestamp = text.parse().ok()?;
        Some(Self(timestamp.as_millisecond()))
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

/// `2026-05-06T21:40:48.000Z`, always with three fractional digits, as JavaScript writes it.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
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
        assert_eq!(Time::parse("yesterday"), None);
    }

    #[test]
    fn months_turn_in_utc() {
        let newest = Time::parse("2026-12-31T23:59:59.999Z").expect("valid");
        assert_eq!(newest.month(), "2026-12");
        assert_eq!(newest.plus_millis(1).month(), "2027-01");
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        assert_eq!(Time::from_millis(i64::MAX).plus_millis(1).as_millis(), i64::MAX);
        let _ = Time::from_millis(i64::MIN).to_string();
    }
}

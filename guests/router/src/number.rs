//! Numbers that compare by value: `1`, `1.0` and `10e-1` are the same.
//!
//! They are what the host makes of them when it checks a payload: integers of 64 bits exactly, and
//! all others as doubles, read by the same library.

use std::cmp::Ordering;

/// Where integers are no longer told apart from other large numbers; no integer of 64 bits is there.
const WHOLE_BEYOND: u128 = 1 << 126;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer, however it was written.
    Whole(i128),
    /// Any other number.
    Real(f64),
}

impl Number {
    /// The number that a JSON text stands for.
    pub fn read(text: &str) -> Option<Self> {
        /// Digits of which 64 bits hold every number.
        const SHORT: usize = 18;
        if text.len() <= SHORT && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let value = text.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            return (!text.is_empty()).then(|| Self::Whole(value.into()));
        }
        if let Ok(value) = text.parse::<i64>() {
            return Some(Self::Whole(value.into()));
        }
        if let Ok(value) = text.parse::<u64>() {
            return Some(Self::Whole(value.into()));
        }
        serde_json::from_str(text).ok().map(Self::of)
    }

    /// Whole numbers have one form, so that equal ones are equal.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "only what comes back unchanged is whole"
    )]
    fn of(value: f64) -> Self {
        let whole = value as i128;
        if whole as f64 == value && whole.unsigned_abs() < WHOLE_BEYOND {
            Self::Whole(whole)
        } else {
            Self::Real(value)
        }
    }

    /// Which of the two is greater. Always one or none of them, as no JSON text is "not a number".
    #[expect(clippy::cast_possible_truncation, reason = "what is beyond all whole numbers stays beyond them")]
    pub fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(another)) => Some(one.cmp(&another)),
            (Self::Real(one), Self::Real(another)) => one.partial_cmp(&another),
            // A real one is never equal to a whole one, so the next whole one below it decides.
            (Self::Whole(one), Self::Real(another)) => {
                Some(if one <= another.floor() as i128 { Ordering::Less } else { Ordering::Greater })
            }
            (Self::Real(_), Self::Whole(_)) => other.order(self).map(Ordering::reverse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each number in all its spellings, in ascending order.
    const ASCENDING: [&[&str]; 12] = [
        &["-1e300"],
        &["-9223372036854775808", "-9223372036854775808.0"],
        &["-1.5", "-15e-1"],
        &["0", "-0", "0.0", "-0.0", "0e9"],
        &["0.1", "1e-1", "0.10"],
        &["1", "1.0", "10e-1", "0.1e1"],
        &["1.5"],
        &["9007199254740992", "9007199254740992.0"],
        &["9007199254740993"],
        &["18446744073709551615"],
        &["18446744073709551616", "18446744073709551616.0", "18446744073709551617"],
        &["1e300", "10e299"],
    ];

    fn number(text: &str) -> Number {
        Number::read(text).expect("a number")
    }

    #[test]
    fn numbers_compare_by_value() {
        let all: Vec<_> = ASCENDING
            .iter()
            .enumerate()
            .flat_map(|(rank, texts)| texts.iter().map(move |text| (rank, *text)))
            .collect();
        for &(rank, text) in &all {
            for &(other_rank, other) in &all {
                assert_eq!(number(text).order(number(other)), Some(rank.cmp(&other_rank)), "{text} and {other}");
                assert_eq!(number(text) == number(other), rank == other_rank, "{text} and {other}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", "+", ".", "e1", "1e", "--1"] {
            assert_eq!(Number::read(text), None, "{text}");
        }
    }
}

//! Numbers that compare by value: `1`, `1.0` and `10e-1` are the same.
//!
//! They are read as the host reads them when it checks a payload: integers of 64 bits exactly, and
//! all others as doubles, read by the same library.

/// A number: the nearest double, and the rest that an integer has beyond it. Rounding keeps the order,
/// so numbers compare by the double first.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Number {
    double: f64,
    more: i64,
}

impl Number {
    /// The number that a JSON text stands for.
    pub fn read(text: &str) -> Option<Self> {
        /// A double holds every number of so many digits.
        const SHORT: usize = 15;
        let digits = text.as_bytes();
        if digits.len() <= SHORT && digits.iter().all(u8::is_ascii_digit) {
            let value = digits.iter().fold(0.0, |value, digit| value * 10.0 + f64::from(digit - b'0'));
            return (!digits.is_empty()).then_some(Self { double: value, more: 0 });
        }
        if let Ok(integer) = text.parse::<i64>() {
            return Some(Self::whole(integer.into()));
        }
        if let Ok(integer) = text.parse::<u64>() {
            return Some(Self::whole(integer.into()));
        }
        serde_json::from_str(text).ok().map(|double| Self { double, more: 0 })
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "what gets lost is kept beside it"
    )]
    fn whole(integer: i128) -> Self {
        let double = integer as f64;
        Self { double, more: (integer - double as i128) as i64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each number in all its spellings, in ascending order.
    const ASCENDING: [&[&str]; 13] = [
        &["-1e300"],
        &["-9223372036854775808", "-9223372036854775808.0"],
        &["-1.5", "-15e-1"],
        &["0", "-0", "0.0", "-0.0", "0e9"],
        &["0.1", "1e-1", "0.10"],
        &["0.9999999999999999"],
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
                assert_eq!(number(text).partial_cmp(&number(other)), Some(rank.cmp(&other_rank)), "{text} and {other}");
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

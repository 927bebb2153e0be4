//! Exact arithmetic with JSON numbers.
//!
//! `serde_json` holds a number as an integer of 64 bits or as a float. Integers count as what they are;
//! a whole float too, as the integer that it holds; any other float as the decimal fraction that is
//! written for it, so that `0.3` is a multiple of `0.1`. Nothing is rounded beyond what reading rounds.

use serde_json::Number;

/// The integer that a number is, if it has at most 64 bits, however it is written.
pub(crate) fn integer(number: &Number) -> Option<i128> {
    let held = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    held.or_else(|| number.as_f64().and_then(whole_of_64_bits))
}

fn whole_of_64_bits(float: f64) -> Option<i128> {
    let is_small = float.fract() == 0.0 && (-(2.0_f64.powi(63))..2.0_f64.powi(64)).contains(&float);
    if is_small { format!("{float:.0}").parse().ok() } else { None }
}

/// A number without its sign, as `rest · 2^twos · 5^fives`; `rest` has neither factor. Every number
/// that `serde_json` holds has this form, and dividing is easy in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factors {
    /// Zero for the number zero.
    rest: u64,
    twos: i32,
    fives: i32,
}

impl Factors {
    pub(crate) const ONE: Self = Self { rest: 1, twos: 0, fives: 0 };

    pub(crate) fn of(number: &Number) -> Self {
        if let Some(integer) = integer(number) {
            return Self::new(u64::try_from(integer.unsigned_abs()).unwrap_or(u64::MAX), 0, 0);
        }
        let float = number.as_f64().unwrap_or(f64::MAX).abs();
        if float.fract() == 0.0 {
            // Whole, and larger than 2^63: its mantissa begins at bit 0, and the exponent is positive.
            let (exponent, mantissa) = (float.to_bits() >> 52, float.to_bits() & ((1 << 52) - 1));
            return Self::new(mantissa | (1 << 52), i32::try_from(exponent).unwrap_or(i32::MAX) - 1_075, 0);
        }
        Self::of_decimal(&format!("{float:e}"))
    }

    /// The factors of digits as `{:e}` writes them, as `1.25e-3`: at most 17 of them.
    fn of_decimal(text: &str) -> Self {
        let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let places = i32::try_from(fraction.len()).unwrap_or(i32::MAX) - exponent.parse().unwrap_or(0);
        Self::new(format!("{whole}{fraction}").parse().unwrap_or(u64::MAX), -places, -places)
    }

    fn new(mut rest: u64, mut twos: i32, mut fives: i32) -> Self {
        if rest == 0 {
            return Self { rest, twos: 0, fives: 0 };
        }
        while rest.is_multiple_of(2) {
            (rest, twos) = (rest / 2, twos + 1);
        }
        while rest.is_multiple_of(5) {
            (rest, fives) = (rest / 5, fives + 1);
        }
        Self { rest, twos, fives }
    }

    pub(crate) fn is_integer(self) -> bool {
        self.rest == 0 || (self.twos >= 0 && self.fives >= 0)
    }

    /// Whether dividing leaves an integer. Nothing is a multiple of zero, which `multipleOf` does not take.
    pub(crate) fn is_multiple_of(self, divisor: Self) -> bool {
        divisor.rest != 0
            && (self.rest == 0
                || (self.rest.is_multiple_of(divisor.rest) && self.twos >= divisor.twos && self.fives >= divisor.fives))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).expect("a number")
    }

    fn divides(divisor: &str, own: &str) -> bool {
        Factors::of(&number(own)).is_multiple_of(Factors::of(&number(divisor)))
    }

    #[test]
    fn integers_are_found_however_they_are_written() {
        for (text, found) in [
            ("7", Some(7)),
            ("-7.0", Some(-7)),
            ("7e2", Some(700)),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("18446744073709551615", Some(i128::from(u64::MAX))),
            ("18446744073709549568.0", Some(18_446_744_073_709_549_568)),
            ("-9223372036854775808.0", Some(i128::from(i64::MIN))),
            ("-0.0", Some(0)),
            ("18446744073709551616", None),
            ("-9223372036854777856.0", None),
            ("0.5", None),
            ("1e300", None),
        ] {
            assert_eq!(integer(&number(text)), found, "{text}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (divisor, own) in [
            ("3", "6"),
            ("0.1", "0.3"),
            ("0.01", "1070468.14"),
            ("0.5", "9007199254740993"),
            ("9007199254740993", "9007199254740993"),
            ("9007199254740993", "0"),
            ("1e-300", "1e300"),
            ("1024", "1.152921504606847e18"),
            ("1e300", "1e300"),
            ("18446744073709551616", "36893488147419103232"),
            ("1e-7", "0.0000003"),
            ("2", "-4"),
        ] {
            assert!(divides(divisor, own), "{own} is a multiple of {divisor}");
        }
        for (divisor, own) in [
            ("2", "9007199254740993"),
            ("9007199254740993", "9007199254740992"),
            ("2.5", "9007199254740992"),
            ("0.3", "0.1"),
            ("7", "1e300"),
            ("1000", "1152921504606846976"),
            ("18446744073709551616", "18446744073709551615"),
            ("0", "1"),
            ("0", "0"),
        ] {
            assert!(!divides(divisor, own), "{own} is no multiple of {divisor}");
        }
    }

    proptest! {
        #[test]
        fn integers_divide_as_integers(own in any::<u64>(), divisor in 1..=u64::MAX, small in 1..1_000_u64) {
            for divisor in [divisor, small] {
                let (own, factors) = (Number::from(own), Factors::of(&Number::from(divisor)));
                prop_assert_eq!(Factors::of(&own).is_multiple_of(factors), own.as_u64().expect("64 bits") % divisor == 0);
            }
        }

        /// Both spellings of one value divide alike.
        #[test]
        fn whole_floats_divide_as_the_integers_that_they_are(mantissa in 0..1_u64 << 53, shift in 0..11_u32, divisor in 1..10_000_u64) {
            let integer = mantissa << shift;
            let float = Number::from_f64(format!("{integer}").parse().expect("a number")).expect("finite");
            let divisor = Factors::of(&Number::from(divisor));
            prop_assert_eq!(Factors::of(&float).is_multiple_of(divisor), Factors::of(&Number::from(integer)).is_multiple_of(divisor));
        }
    }
}

//! Sets of numbers: bounds and divisors.
//!
//! Numbers are compared and divided as the validator does it: exactly.

use std::{cmp::Ordering, ops::RangeInclusive};

use serde_json::{Number, Value};

use super::{
    kinds::Kind,
    terms::{Bound, Test},
};
use crate::number::{Factors, integer};

/// The integers that are looked at as integers: those that `serde_json` holds as such.
const INTEGERS: RangeInclusive<i128> = i64::MIN as i128..=u64::MAX as i128;
/// Integers of a bounded set at most, for them to be looked at one by one.
const LISTED_MAX: i128 = 64;

/// Compares two numbers exactly.
pub(super) fn compare(one: &Number, other: &Number) -> Ordering {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(one), None) => compare_with_float(one, float(other)),
        (None, Some(other)) => compare_with_float(other, float(one)).reverse(),
        (None, None) => float(one).partial_cmp(&float(other)).unwrap_or(Ordering::Equal),
    }
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::MAX)
}

fn compare_with_float(integer: i128, float: f64) -> Ordering {
    match whole_part(float) {
        Some(whole) => integer.cmp(&whole).then(0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)),
        None if float > 0.0 => Ordering::Less,
        None => Ordering::Greater,
    }
}

/// The integer part of a float; `None` for floats that are larger than every integer of `serde_json`.
fn whole_part(float: f64) -> Option<i128> {
    if float.abs() >= 1e30 { None } else { format!("{:.0}", float.trunc()).parse().ok() }
}

/// Whether a number satisfies an atom about numbers; `None` for other atoms.
pub(super) fn satisfies(number: &Number, test: &Test<'_>) -> Option<bool> {
    match test {
        Test::AtLeast(bound) => Some(match compare(number, bound.limit) {
            Ordering::Equal => !bound.exclusive,
            order => order.is_gt(),
        }),
        Test::AtMost(bound) => Some(match compare(number, bound.limit) {
            Ordering::Equal => !bound.exclusive,
            order => order.is_lt(),
        }),
        Test::MultipleOf(divisor) => Some(Factors::of(number).is_multiple_of(Factors::of(divisor))),
        _ => None,
    }
}

/// The facts about a number: bounds and divisors, all of which hold.
#[derive(Default)]
pub(super) struct Numbers<'a> {
    lower: Option<Bound<'a>>,
    upper: Option<Bound<'a>>,
    divisors: Vec<&'a Number>,
}

impl<'a> Numbers<'a> {
    /// Takes an atom that holds.
    pub(super) fn hold(&mut self, test: &Test<'a>) {
        match test {
            Test::AtLeast(bound) => self.raise(*bound),
            Test::AtMost(bound) => self.lower_to(*bound),
            Test::MultipleOf(divisor) => self.divisors.push(divisor),
            _ => {}
        }
    }

    /// Takes an atom that does not hold. A number that is not at least five is below five.
    pub(super) fn deny(&mut self, test: &Test<'a>) {
        let opposite = |bound: &Bound<'a>| Bound { limit: bound.limit, exclusive: !bound.exclusive };
        match test {
            Test::AtLeast(bound) => self.lower_to(opposite(bound)),
            Test::AtMost(bound) => self.raise(opposite(bound)),
            _ => {}
        }
    }

    fn raise(&mut self, bound: Bound<'a>) {
        let is_tighter = self.lower.is_none_or(|own| match compare(bound.limit, own.limit) {
            Ordering::Equal => bound.exclusive,
            order => order.is_gt(),
        });
        if is_tighter {
            self.lower = Some(bound);
        }
    }

    fn lower_to(&mut self, bound: Bound<'a>) {
        let is_tighter = self.upper.is_none_or(|own| match compare(bound.limit, own.limit) {
            Ordering::Equal => bound.exclusive,
            order => order.is_lt(),
        });
        if is_tighter {
            self.upper = Some(bound);
        }
    }

    /// Whether no number of this kind is left. `true` is certain, `false` may be wrong.
    pub(super) fn is_empty(&self, kind: Kind) -> bool {
        if let (Some(lower), Some(upper)) = (self.lower, self.upper) {
            match compare(lower.limit, upper.limit) {
                Ordering::Greater => return true,
                Ordering::Equal if lower.exclusive || upper.exclusive => return true,
                Ordering::Equal if kind == Kind::Fraction && Kind::of(&Value::Number(lower.limit.clone())) != kind => {
                    return true;
                }
                _ => {}
            }
        }
        match kind {
            Kind::Fraction => self.divisors.iter().any(|divisor| Factors::of(divisor).is_integer()),
            _ => self.integers().is_some_and(|integers| integers.first > integers.last),
        }
    }

    /// Whether all numbers of this kind are multiples. `true` is certain, `false` may be wrong.
    pub(super) fn are_multiples(&self, kind: Kind, divisor: &Number) -> bool {
        let wanted = Factors::of(divisor);
        self.divisors.iter().any(|own| Factors::of(own).is_multiple_of(wanted))
            || (kind == Kind::Integer
                && (Factors::ONE.is_multiple_of(wanted)
                    || self.step().is_some_and(|step| Factors::of(&step).is_multiple_of(wanted))))
    }

    /// The distance of integers that are multiples of all integer divisors of at most 64 bits.
    fn step(&self) -> Option<Number> {
        let mut steps = self.divisors.iter().filter_map(|divisor| integer(divisor));
        as_number(steps.try_fold(1, least_common_multiple)?)
    }

    /// The integers within the bounds, if there is a bound on both sides.
    fn integers(&self) -> Option<Integers> {
        let step = integer(&self.step()?)?;
        let (lower, upper) = (self.lower?, self.upper?);
        let first = whole(lower.limit, true).map(|first| {
            let is_excluded = lower.exclusive && compare(lower.limit, &as_number(first)?).is_eq();
            Some(first + i128::from(is_excluded))
        })??;
        let last = whole(upper.limit, false).map(|last| {
            let is_excluded = upper.exclusive && compare(upper.limit, &as_number(last)?).is_eq();
            Some(last - i128::from(is_excluded))
        })??;
        let first = -(-first).div_euclid(step) * step;
        Some(Integers { first, last: last.div_euclid(step) * step, step })
    }

    /// All integers that are left, if they are few.
    pub(super) fn list(&self) -> Option<Vec<Value>> {
        let Integers { first, last, step } = self.integers()?;
        if (last - first) / step >= LISTED_MAX {
            return None;
        }
        let mut listed = Vec::new();
        let mut next = first;
        while next <= last {
            listed.push(Value::Number(as_number(next)?));
            next += step;
        }
        Some(listed)
    }
}

/// Integers from `first` to `last` in steps; none when `first` is larger.
struct Integers {
    first: i128,
    last: i128,
    step: i128,
}

fn as_number(integer: i128) -> Option<Number> {
    i64::try_from(integer).map(Number::from).or_else(|_| u64::try_from(integer).map(Number::from)).ok()
}

/// The next integer above or below, itself included; `None` beyond [`INTEGERS`].
fn whole(limit: &Number, above: bool) -> Option<i128> {
    let whole = match integer(limit) {
        Some(whole) => whole,
        None => whole_part(if above { float(limit).ceil() } else { float(limit).floor() })?,
    };
    INTEGERS.contains(&whole).then_some(whole)
}

fn least_common_multiple(one: i128, other: i128) -> Option<i128> {
    let (mut divisor, mut rest) = (one.checked_abs()?, other.checked_abs()?);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    if divisor == 0 { None } else { (one / divisor).checked_mul(other).filter(|found| *found >= 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn number(value: &Value) -> Number {
        value.as_number().expect("a number").clone()
    }

    #[test]
    fn numbers_are_compared_exactly() {
        for (one, other, order) in [
            (json!(1), json!(1.0), Ordering::Equal),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0), Ordering::Greater),
            (json!(-1), json!(u64::MAX), Ordering::Less),
            (json!(u64::MAX), json!(1e300), Ordering::Less),
            (json!(-2), json!(-1.5), Ordering::Less),
            (json!(-1), json!(-1.5), Ordering::Greater),
            (json!(1), json!(1.5), Ordering::Less),
            (json!(i64::MIN), json!(-1e300), Ordering::Greater),
        ] {
            assert_eq!(compare(&number(&one), &number(&other)), order, "{one} {other}");
            assert_eq!(compare(&number(&other), &number(&one)), order.reverse(), "{other} {one}");
        }
    }

    #[test]
    fn divisors_divide_as_decimals() {
        let divides = |own: Value, wanted: Value, kind| {
            let (own, wanted) = (number(&own), number(&wanted));
            Numbers { divisors: vec![&own], ..Numbers::default() }.are_multiples(kind, &wanted)
        };
        assert!(divides(json!(6), json!(3), Kind::Integer));
        assert!(divides(json!(0.3), json!(0.1), Kind::Fraction));
        assert!(divides(json!(7), json!(0.01), Kind::Integer));
        assert!(divides(json!(0.1), json!(0.1), Kind::Fraction));
        assert!(!divides(json!(3), json!(6), Kind::Integer));
        assert!(divides(json!(3), json!(1.5), Kind::Integer));
        assert!(!divides(json!(0.1), json!(0.3), Kind::Fraction));
        assert!(divides(json!(9_007_199_254_740_993_u64), json!(3), Kind::Integer));
        assert!(!divides(json!(9_007_199_254_740_993_u64), json!(2), Kind::Integer));
    }

    #[test]
    fn bounded_integers_are_listed() {
        let (low, high, step) = (number(&json!(1.5)), number(&json!(9)), number(&json!(3)));
        let mut numbers = Numbers::default();
        numbers.hold(&Test::AtLeast(Bound { limit: &low, exclusive: false }));
        assert_eq!(numbers.list(), None);
        numbers.hold(&Test::AtMost(Bound { limit: &high, exclusive: true }));
        assert_eq!(numbers.list().map(|listed| listed.len()), Some(7));
        numbers.hold(&Test::MultipleOf(&step));
        assert_eq!(numbers.list(), Some(vec![json!(3), json!(6)]));
        assert!(!numbers.is_empty(Kind::Integer) && numbers.is_empty(Kind::Fraction));
    }

    #[test]
    fn bounds_that_cross_leave_nothing() {
        let (one, two, half) = (number(&json!(1)), number(&json!(2)), number(&json!(1.5)));
        let between = |lower: &Number, upper: &Number, exclusive, kind| {
            let mut numbers = Numbers::default();
            numbers.hold(&Test::AtLeast(Bound { limit: lower, exclusive }));
            numbers.hold(&Test::AtMost(Bound { limit: upper, exclusive }));
            numbers.is_empty(kind)
        };
        assert!(between(&two, &one, false, Kind::Fraction));
        assert!(between(&one, &one, true, Kind::Integer));
        assert!(between(&one, &two, true, Kind::Integer) && !between(&one, &two, true, Kind::Fraction));
        assert!(between(&one, &one, false, Kind::Fraction) && !between(&half, &half, false, Kind::Fraction));
        assert!(between(&half, &half, false, Kind::Integer));
    }

    #[test]
    fn what_is_denied_bounds_the_other_side() {
        let (five, nine) = (number(&json!(5)), number(&json!(9)));
        let mut numbers = Numbers::default();
        numbers.hold(&Test::AtLeast(Bound { limit: &nine, exclusive: false }));
        numbers.deny(&Test::AtLeast(Bound { limit: &five, exclusive: false }));
        assert!(numbers.is_empty(Kind::Integer));
    }
}

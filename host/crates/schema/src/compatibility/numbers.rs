//! Sets of numbers: bounds and divisors.
//!
//! Numbers are compared as the validator compares them: exactly, whether they are integers or
//! floating-point. Divisors are compared as the decimal fractions that they are written as.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{
    kinds::Kind,
    terms::{Bound, Test},
};

/// Beyond this, floating-point numbers skip integers.
const SAFE_INTEGER_MAX: i128 = 1 << 53;
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

/// The number as an integer, if `serde_json` holds it as one.
fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
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

/// Whether a number satisfies an atom about numbers; `None` for other atoms, or where the validator
/// may round otherwise.
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
        Test::MultipleOf(divisor) => {
            let (number, divisor) = (Decimal::of(number)?, Decimal::of(divisor)?);
            number.is_safe().then(|| number.is_multiple_of(&divisor)).flatten()
        }
        _ => None,
    }
}

/// A decimal fraction: mantissa / 10^places.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    mantissa: i128,
    places: u32,
}

impl Decimal {
    /// `None` if the number has too many digits.
    fn of(number: &Number) -> Option<Self> {
        let text = number.to_string();
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()?.checked_sub(exponent.parse().ok()?)?;
        if places >= 0 {
            return Some(Self { mantissa, places: u32::try_from(places).ok()? });
        }
        let mantissa = mantissa.checked_mul(10_i128.checked_pow(places.unsigned_abs())?)?;
        Some(Self { mantissa, places: 0 })
    }

    fn is_integer(self) -> bool {
        10_i128.checked_pow(self.places).is_some_and(|unit| self.mantissa % unit == 0)
    }

    fn is_safe(self) -> bool {
        self.mantissa.abs() <= SAFE_INTEGER_MAX
    }

    /// `None` when the digits are too many to tell.
    fn is_multiple_of(self, divisor: &Self) -> Option<bool> {
        let own = self.mantissa.checked_mul(10_i128.checked_pow(divisor.places)?)?;
        let divisor = divisor.mantissa.checked_mul(10_i128.checked_pow(self.places)?)?;
        (divisor != 0).then(|| own % divisor == 0)
    }

    /// Whether all integers are multiples.
    fn divides_integers(self) -> bool {
        Self { mantissa: 1, places: 0 }.is_multiple_of(&self) == Some(true)
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
            Kind::Fraction => self.divisors.iter().any(|divisor| Decimal::of(divisor).is_some_and(Decimal::is_integer)),
            _ => self.integers().is_some_and(|integers| integers.first > integers.last),
        }
    }

    /// Whether all numbers of this kind are multiples. `true` is certain, `false` may be wrong.
    pub(super) fn are_multiples(&self, kind: Kind, divisor: &Number) -> bool {
        if self.divisors.iter().any(|own| compare(own, divisor).is_eq()) {
            return true;
        }
        let Some(wanted) = Decimal::of(divisor) else { return false };
        if kind == Kind::Integer && wanted.divides_integers() {
            return true;
        }
        // The validator computes with rounded numbers, so an integer beyond the safe ones may be no
        // multiple of a fraction although it is one of a larger number.
        let is_safe = |own: &Decimal| own.is_safe() && (own.is_integer() == wanted.is_integer());
        let divides = |own: Decimal| is_safe(&own) && own.is_multiple_of(&wanted) == Some(true);
        self.divisors.iter().filter_map(|own| Decimal::of(own)).any(divides)
            || (kind == Kind::Integer && wanted.is_integer() && self.step().is_some_and(|step| divides(integral(step))))
    }

    /// The distance of integers that are multiples of all integer divisors.
    fn step(&self) -> Option<i128> {
        let integers = self.divisors.iter().filter_map(|divisor| Decimal::of(divisor)).filter(|own| own.is_integer());
        integers.map(|own| own.mantissa / 10_i128.pow(own.places)).try_fold(1, least_common_multiple)
    }

    /// The integers within the bounds, if there is a bound on both sides.
    fn integers(&self) -> Option<Integers> {
        let step = self.step()?;
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

fn integral(value: i128) -> Decimal {
    Decimal { mantissa: value, places: 0 }
}

fn as_number(integer: i128) -> Option<Number> {
    i64::try_from(integer).map(Number::from).or_else(|_| u64::try_from(integer).map(Number::from)).ok()
}

/// The next integer above or below, itself included; `None` beyond the safe integers.
fn whole(limit: &Number, above: bool) -> Option<i128> {
    let whole = match integer(limit) {
        Some(whole) => whole,
        None => whole_part(if above { float(limit).ceil() } else { float(limit).floor() })?,
    };
    (whole.abs() <= SAFE_INTEGER_MAX).then_some(whole)
}

fn least_common_multiple(one: i128, other: i128) -> Option<i128> {
    let (mut divisor, mut rest) = (one.checked_abs()?, other.checked_abs()?);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    if divisor == 0 {
        None
    } else {
        (one / divisor).checked_mul(other).filter(|found| (1..=SAFE_INTEGER_MAX).contains(found))
    }
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
        assert!(!divides(json!(3), json!(1.5), Kind::Integer));
        assert!(!divides(json!(0.1), json!(0.3), Kind::Fraction));
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

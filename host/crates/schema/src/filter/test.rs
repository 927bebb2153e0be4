//! The tests that a filter puts to single values.

use serde_json::Value;

/// A test of a value.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Equal to this scalar.
    Equals(Value),
    /// A text like this.
    Text(TextTest),
    /// A number between these bounds.
    Numeric(Bounds),
    /// Present or absent.
    Exists(bool),
    /// A scalar that passes none of these.
    AnythingBut(Vec<Test>),
}

/// A test of a text.
#[derive(Clone, Debug)]
pub(super) enum TextTest {
    Starts(String),
    Ends(String),
    SameLetters(String),
    StartsWithLetters(String),
    EndsWithLetters(String),
    /// The pieces between the stars of a wildcard pattern, without their escapes.
    Covered(Vec<String>),
}

/// Bounds of a number: each is a limit and whether the limit itself is allowed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    pub(super) low: Option<(f64, bool)>,
    pub(super) high: Option<(f64, bool)>,
}

/// Up to here every integer is a double, so what compares equal is equal.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

impl Test {
    /// Whether a scalar may pass. If doubles cannot tell two numbers apart, it may.
    pub(super) fn may_pass(&self, value: &Value) -> bool {
        match self {
            Self::Equals(expected) => may_equal(expected, value),
            Self::Text(test) => value.as_str().is_some_and(|text| test.passes(text)),
            Self::Numeric(bounds) => {
                value.as_f64().is_some_and(|number| bounds.may_hold(Bounds::exactly(number), false))
            }
            Self::Exists(expected) => *expected,
            Self::AnythingBut(tests) => !tests.iter().any(|test| test.surely_passes(value)),
        }
    }

    /// Whether a scalar passes for sure; only the tests in `anything-but` are asked.
    fn surely_passes(&self, value: &Value) -> bool {
        let is_vague = value.as_f64().is_some_and(|number| number.abs() > EXACT_MAX);
        !is_vague && self.may_pass(value)
    }
}

/// Whether a value may equal the expected one. Numbers are equal by value, not by spelling.
#[expect(clippy::float_cmp, reason = "equal numbers are equal doubles")]
pub(super) fn may_equal(expected: &Value, value: &Value) -> bool {
    match (expected.as_f64(), value.as_f64()) {
        (Some(expected), Some(number)) => expected == number,
        _ => expected == value,
    }
}

impl TextTest {
    /// Whether a text passes.
    fn passes(&self, text: &str) -> bool {
        let mut letters = text.chars();
        match self {
            Self::Starts(start) => text.starts_with(start),
            Self::Ends(end) => text.ends_with(end),
            Self::SameLetters(same) => begins(&mut letters, same.chars()) && letters.next().is_none(),
            Self::StartsWithLetters(start) => begins(&mut letters, start.chars()),
            Self::EndsWithLetters(end) => begins(&mut letters.rev(), end.chars().rev()),
            Self::Covered(pieces) => is_covered(text, pieces),
        }
    }

    /// The characters that a text needs to pass, and those that it may have.
    pub(super) fn lengths(&self) -> (usize, usize) {
        match self {
            Self::Starts(part) | Self::Ends(part) | Self::StartsWithLetters(part) | Self::EndsWithLetters(part) => {
                (part.chars().count(), usize::MAX)
            }
            Self::SameLetters(same) => (same.chars().count(), same.chars().count()),
            Self::Covered(pieces) => {
                let length = pieces.iter().map(|piece| piece.chars().count()).sum();
                (length, if pieces.len() == 1 { length } else { usize::MAX })
            }
        }
    }
}

/// Whether `letters` begin with others, whatever the case of each. Takes those off.
fn begins(letters: &mut impl Iterator<Item = char>, mut with: impl Iterator<Item = char>) -> bool {
    let is_same = |one: char, other: char| {
        one == other || one.to_lowercase().eq(other.to_lowercase()) || one.to_uppercase().eq(other.to_uppercase())
    };
    with.all(|one| letters.next().is_some_and(|other| is_same(one, other)))
}

fn is_covered(text: &str, pieces: &[String]) -> bool {
    match pieces {
        [] => text.is_empty(),
        [only] => text == only,
        [first, middle @ .., last] => {
            let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
            for piece in middle {
                let Some(at) = rest.find(piece) else { return false };
                rest = &rest[at + piece.len()..];
            }
            rest.ends_with(last.as_str())
        }
    }
}

impl Bounds {
    /// The bounds of this number alone.
    pub(super) const fn exactly(number: f64) -> Self {
        Self { low: Some((number, true)), high: Some((number, true)) }
    }

    /// The bounds that hold if both do.
    pub(super) fn and(self, other: Self) -> Self {
        Self { low: higher(self.low, other.low), high: lower(self.high, other.high) }
    }

    /// Whether a number may lie within these bounds and others, or a whole number if `only_whole`.
    pub(super) fn may_hold(self, others: Self, only_whole: bool) -> bool {
        let Self { low: Some((low, with_low)), high: Some((high, with_high)) } = self.and(others) else { return true };
        if low.abs().max(high.abs()) >= EXACT_MAX {
            return low <= high;
        }
        if !only_whole {
            return low < high || (low <= high && with_low && with_high);
        }
        let first = if with_low { low.ceil() } else { low.floor() + 1.0 };
        let last = if with_high { high.floor() } else { high.ceil() - 1.0 };
        first <= last
    }
}

/// The stricter of two lower limits.
fn higher(one: Option<(f64, bool)>, other: Option<(f64, bool)>) -> Option<(f64, bool)> {
    let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
    Some(if one.0 > other.0 || (one.0 >= other.0 && !one.1) { one } else { other })
}

/// The stricter of two upper limits.
fn lower(one: Option<(f64, bool)>, other: Option<(f64, bool)>) -> Option<(f64, bool)> {
    let mirrored = |limit: (f64, bool)| (-limit.0, limit.1);
    higher(one.map(mirrored), other.map(mirrored)).map(mirrored)
}

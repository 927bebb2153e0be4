//! Finds out whether a filter matches a payload.

use std::{cmp::Ordering, ops::Range};

use crate::{
    filter::{Bounds, Filter, Kind, Test},
    number::Number,
    payload::{Members, Scalar, Value},
    text,
};

/// Steps that one candidate gets, where a step is a condition or a comparison: some milliseconds.
/// Filters on lists of thousands of items stay far below; a list as long as a payload can be, and as
/// many alternatives as a filter can have, do not.
pub const STEPS_MAX: usize = 20_000;

/// Whether a condition holds. In this order, "or" is the maximum.
///
/// Absence is a case of its own because of lists: a condition is looked for in one element after the
/// other, and a member that is absent from one element has to be absent from all of them, unless
/// another condition was met in that element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// The condition does not hold.
    No,
    /// The condition holds, because no member is there that must not be there.
    Absent,
    /// The condition holds, because of a value that is there.
    Found,
}

/// The verdict of a filter on a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Matches,
    Misses,
    /// Deciding takes more than [`STEPS_MAX`] steps.
    TakesTooLong,
}

impl Filter<'_> {
    /// Whether the payload is one of those that the filter lets through.
    pub fn decide(&self, payload: &Value<'_>) -> Decision {
        self.steps_left.set(STEPS_MAX);
        let verdict = self.all(0..self.conditions().len(), Some(payload));
        match verdict {
            _ if self.steps_left.get() == 0 => Decision::TakesTooLong,
            Verdict::No => Decision::Misses,
            Verdict::Absent | Verdict::Found => Decision::Matches,
        }
    }

    /// Takes steps, and tells whether none are left. The search then ends as if it had found a match,
    /// which is the shortest way out.
    fn tires(&self, steps: usize) -> bool {
        let left = self.steps_left.get().saturating_sub(steps);
        self.steps_left.set(left);
        left == 0
    }

    /// Whether all of these conditions hold of a value.
    fn all(&self, conditions: Range<usize>, value: Option<&Value<'_>>) -> Verdict {
        match value {
            Some(Value::Object(members)) => self.all_of(conditions, Some(members)),
            Some(Value::List(items)) if !items.is_empty() => self.all_in_one(&conditions, items),
            _ => self.all_of(conditions, None),
        }
    }

    /// Whether all of these conditions hold of one of these items. An item that is no object has no members.
    fn all_in_one(&self, conditions: &Range<usize>, items: &[Value<'_>]) -> Verdict {
        let mut lowest = Verdict::Found;
        for item in items {
            match self.all(conditions.clone(), Some(item)) {
                Verdict::Found => return Verdict::Found,
                verdict => lowest = lowest.min(verdict),
            }
        }
        lowest
    }

    /// Whether all of these conditions hold of an object with these members.
    fn all_of(&self, conditions: Range<usize>, members: Option<&Members<'_>>) -> Verdict {
        let mut highest = Verdict::Absent;
        for (at, kind) in self.each(conditions) {
            match self.one(at, kind, members) {
                Verdict::No => return Verdict::No,
                verdict => highest = highest.max(verdict),
            }
        }
        highest
    }

    fn one(&self, at: usize, kind: &Kind<'_>, members: Option<&Members<'_>>) -> Verdict {
        if self.tires(1) {
            return Verdict::Found;
        }
        let contained = at + 1..self.conditions()[at].end;
        match kind {
            Kind::Leaf(name, tests) => self.leaf(tests, members.and_then(|members| members.get(name))),
            Kind::Member(name) => self.all(contained, members.and_then(|members| members.get(name))),
            Kind::Branch => self.all_of(contained, members),
            Kind::Or => {
                let branches = self.each(contained).map(|(at, branch)| self.one(at, branch, members));
                branches.max().unwrap_or(Verdict::No)
            }
        }
    }

    /// The conditions of a range, without those that they contain.
    fn each(&self, conditions: Range<usize>) -> impl Iterator<Item = (usize, &Kind<'_>)> {
        let mut next = conditions.start;
        std::iter::from_fn(move || {
            let at = next;
            let condition = self.conditions()[..conditions.end].get(at)?;
            next = condition.end;
            Some((at, &condition.kind))
        })
    }

    /// Whether a value passes one of these tests. Lists are looked into, however deep; the
    /// members of their objects have names of their own and do not count.
    fn leaf(&self, tests: &Range<usize>, value: Option<&Value<'_>>) -> Verdict {
        let tests = &self.tests()[tests.clone()];
        match value.and_then(|value| any_scalar(value, &mut |scalar| self.passes_one(tests, scalar))) {
            Some(true) => Verdict::Found,
            None if tests.iter().any(|test| matches!(test, Test::Exists(false))) => Verdict::Absent,
            Some(false) | None => Verdict::No,
        }
    }

    fn passes_one(&self, mut tests: &[Test<'_>], scalar: &Scalar<'_>) -> bool {
        while let [test, rest @ ..] = tests {
            tests = rest;
            let is_passed = if let Test::AnythingBut(count) = test {
                let (excluded, rest) = tests.split_at(*count);
                tests = rest;
                !excluded.iter().any(|test| !self.tires(steps(test, scalar)) && passes(test, scalar))
            } else {
                self.tires(steps(test, scalar)) || passes(test, scalar)
            };
            if is_passed {
                return true;
            }
        }
        false
    }
}

/// Whether one of a value's scalars passes; `None` when it has none.
fn any_scalar(value: &Value<'_>, passes: &mut impl FnMut(&Scalar<'_>) -> bool) -> Option<bool> {
    match value {
        Value::Scalar(scalar) => Some(passes(scalar)),
        Value::Object(_) => None,
        Value::List(items) => {
            let mut found = None;
            for item in items {
                match any_scalar(item, passes) {
                    Some(true) => return Some(true),
                    Some(false) => found = Some(false),
                    None => {}
                }
            }
            found
        }
    }
}

/// The steps that a test takes: more where a text is not simply compared.
fn steps(test: &Test<'_>, scalar: &Scalar<'_>) -> usize {
    match (test, scalar) {
        (
            Test::SameLetters(letters) | Test::StartsWithLetters(letters) | Test::EndsWithLetters(letters),
            Scalar::Text(value),
        ) => 1 + letters.len().min(value.len()),
        (Test::Covered(_), Scalar::Text(value)) => 1 + value.len() / 8,
        _ => 1,
    }
}

fn passes(test: &Test<'_>, scalar: &Scalar<'_>) -> bool {
    match (test, scalar) {
        (Test::Equals(expected), scalar) => expected == scalar,
        (Test::Exists(expected), _) => *expected,
        (Test::Within(bounds), Scalar::Number(number)) => is_within(bounds, *number),
        (test, Scalar::Text(value)) => is_text_like(test, value),
        _ => false,
    }
}

fn is_text_like(test: &Test<'_>, value: &str) -> bool {
    match test {
        Test::Starts(start) => value.starts_with(start.as_ref()),
        Test::Ends(end) => value.ends_with(end.as_ref()),
        Test::SameLetters(letters) => text::is_same(value, letters),
        Test::StartsWithLetters(start) => text::strip_start(value, start).is_some(),
        Test::EndsWithLetters(end) => text::ends_with(value, end),
        Test::Covered(pattern) => text::is_covered(value, pattern),
        Test::Equals(_) | Test::Exists(_) | Test::Within(_) | Test::AnythingBut(_) => false,
    }
}

fn is_within(bounds: &Bounds, number: Number) -> bool {
    let beyond = |limit: Option<(Number, bool)>, side: Ordering| {
        limit.is_none_or(|(limit, is_allowed)| match number.partial_cmp(&limit) {
            Some(Ordering::Equal) => is_allowed,
            order => order == Some(side),
        })
    };
    beyond(bounds.low, Ordering::Greater) && beyond(bounds.high, Ordering::Less)
}

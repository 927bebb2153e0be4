//! Finds out that a filter can match no payload that a schema allows.
//!
//! The search follows the filter and looks up at each step what the schema says there. It errs in
//! favour of the filter only: where it is too complicated to tell, the filter may match.

use std::cell::Cell;

use serde_json::Value;

use super::{
    condition::Condition,
    nearest::{self, Nearest},
    site::{Shape, Types},
    test::{Bounds, Test},
};
use crate::{
    document::{Document, Place},
    error::{Error, Result},
    limits::FILTER_STEPS_MAX,
    pointer::push_step,
};

/// Lists in lists that are followed; a schema that refers to itself may nest any number of them.
const LISTS_MAX: usize = 8;

/// Why a filter never matches.
#[derive(Debug)]
pub(super) struct Impossible {
    /// JSON pointer into the filter.
    path: String,
    /// JSON pointer into the payload.
    nearest: Option<String>,
    reason: String,
}

impl From<Impossible> for Error {
    fn from(Impossible { path, nearest, reason }: Impossible) -> Self {
        Self::FilterNeverMatches { path, nearest, reason }
    }
}

/// Why the conditions never hold of a payload that the schema allows; `None` if they may.
pub(super) fn why(conditions: &[Condition], schema: &Value) -> Result<Option<Impossible>> {
    let document = Document::read(schema)?;
    let search = Search { document: &document, steps_left: Cell::new(FILTER_STEPS_MAX) };
    Ok(search.payload(conditions).err())
}

/// `Ok` if a condition may hold, else why not.
type May = std::result::Result<(), Impossible>;

/// The path that the search has followed.
#[derive(Default)]
struct Trail<'a> {
    /// JSON pointer into the filter.
    filter: String,
    /// The names of the members on the path into the payload.
    payload: Vec<&'a str>,
    /// The number of lists around the value.
    lists: usize,
}

impl<'a> Trail<'a> {
    fn in_filter<T>(&mut self, step: &str, then: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.filter.len();
        push_step(&mut self.filter, step);
        let result = then(self);
        self.filter.truncate(length);
        result
    }

    fn in_member<T>(&mut self, name: &'a str, then: impl FnOnce(&mut Self) -> T) -> T {
        self.payload.push(name);
        let result = self.in_filter(name, then);
        self.payload.pop();
        result
    }

    fn in_list<T>(&mut self, then: impl FnOnce(&mut Self) -> T) -> T {
        self.lists += 1;
        let result = then(self);
        self.lists -= 1;
        result
    }

    fn impossible(&self, reason: &str) -> Impossible {
        Impossible { path: self.filter.clone(), nearest: None, reason: reason.to_owned() }
    }
}

struct Search<'d> {
    document: &'d Document<'d>,
    steps_left: Cell<u32>,
}

impl<'d> Search<'d> {
    /// The shapes of a value; `None` once the steps are used up.
    fn shapes(&self, places: &[Place]) -> Option<Vec<Shape<'d>>> {
        self.steps_left.set(self.steps_left.get().checked_sub(1)?);
        Some(Shape::all(self.document, places))
    }

    /// Whether conditions may hold of the payload, which is always an object.
    fn payload(&self, conditions: &[Condition]) -> May {
        let trail = &mut Trail::default();
        let Some(shapes) = self.shapes(&[Document::ROOT]) else { return Ok(()) };
        let objects = shapes.iter().filter(|shape| shape.types().have(Types::OBJECT));
        any(objects, |shape| self.members(conditions, shape, trail))
            .unwrap_or_else(|| Err(Trail::default().impossible("the schema allows no object")))
    }

    /// Whether conditions may hold of a value of one of these shapes.
    fn value<'a>(&self, conditions: &'a [Condition], shapes: &[Shape<'d>], trail: &mut Trail<'a>) -> May {
        let result = any(shapes, |shape| {
            let types = shape.types();
            if types.have(Types::SCALAR | Types::LIST) && conditions.iter().all(accepts_absence) {
                return Ok(());
            }
            let as_object = if types.have(Types::OBJECT) {
                self.members(conditions, shape, trail)
            } else {
                Err(trail.impossible("the schema allows no object here"))
            };
            match as_object {
                Err(impossible) if types.have(Types::LIST) => {
                    self.items(conditions, shape, trail).map_err(|in_items| deepest(impossible, in_items))
                }
                decided => decided,
            }
        });
        result.unwrap_or(Ok(()))
    }

    /// Whether conditions may hold of an item of a list.
    fn items<'a>(&self, conditions: &'a [Condition], shape: &Shape<'d>, trail: &mut Trail<'a>) -> May {
        if trail.lists == LISTS_MAX {
            return Ok(());
        }
        let result = any(shape.items(), |kind| match self.shapes(&kind) {
            Some(shapes) if shapes.is_empty() => Err(trail.impossible("the schema allows no item here")),
            Some(shapes) => trail.in_list(|trail| self.value(conditions, &shapes, trail)),
            None => Ok(()),
        });
        result.unwrap_or(Ok(()))
    }

    /// Whether conditions may hold of an object.
    fn members<'a>(&self, conditions: &'a [Condition], shape: &Shape<'d>, trail: &mut Trail<'a>) -> May {
        conditions.iter().try_for_each(|condition| self.condition(condition, shape, trail))
    }

    fn condition<'a>(&self, condition: &'a Condition, shape: &Shape<'d>, trail: &mut Trail<'a>) -> May {
        let name = match condition {
            Condition::Or(branches) => return trail.in_filter("$or", |trail| self.branches(branches, shape, trail)),
            Condition::Leaf(name, _) | Condition::Member(name, _) => name,
        };
        if accepts_absence(condition) && !shape.requires(name) {
            return Ok(());
        }
        let Some(shapes) = self.shapes(&shape.member(name)) else { return Ok(()) };
        trail.in_member(name, |trail| match condition {
            _ if shapes.is_empty() => Err(self.ruled_out(shape.declares(name), trail)),
            Condition::Leaf(_, tests) if shapes.iter().any(|shape| self.leaf(tests, shape, 0)) => Ok(()),
            Condition::Leaf(_, tests) => Err(trail.impossible(if tests.iter().all(is_absence) {
                "the schema requires this member"
            } else {
                "the schema allows none of these values"
            })),
            Condition::Member(_, conditions) => self.value(conditions, &shapes, trail),
            Condition::Or(_) => Ok(()),
        })
    }

    fn branches<'a>(&self, branches: &'a [Vec<Condition>], shape: &Shape<'d>, trail: &mut Trail<'a>) -> May {
        let result = any(branches.iter().enumerate(), |(index, conditions)| {
            trail.in_filter(&index.to_string(), |trail| self.members(conditions, shape, trail))
        });
        result.unwrap_or(Ok(()))
    }

    fn ruled_out(&self, is_declared: bool, trail: &Trail<'_>) -> Impossible {
        if is_declared {
            return trail.impossible("the schema allows no value here");
        }
        match nearest::member(self.document, &trail.payload) {
            Some(Nearest::Itself) => trail.impossible("the schema has no such member beside the others"),
            Some(Nearest::Other(nearest)) => {
                Impossible { nearest: Some(nearest), ..trail.impossible("the schema has no such member") }
            }
            None => trail.impossible("the schema has no such member"),
        }
    }

    /// Whether one of the tests may be passed by a value of this shape, or by an item of it.
    fn leaf(&self, tests: &[Test], shape: &Shape<'d>, lists: usize) -> bool {
        if tests.iter().any(|test| may_pass(test, shape)) {
            return true;
        }
        let is_list = shape.types().have(Types::LIST);
        let mut kinds = shape.items().into_iter();
        is_list
            && (lists == LISTS_MAX
                || kinds.any(|kind| {
                    self.shapes(&kind)
                        .is_none_or(|shapes| shapes.iter().any(|shape| self.leaf(tests, shape, lists + 1)))
                }))
    }
}

/// `Ok` if one of several alternatives may hold, else why the one that leads furthest does not; `None`
/// if there are no alternatives.
fn any<T>(ways: impl IntoIterator<Item = T>, mut may: impl FnMut(T) -> May) -> Option<May> {
    let mut closed = None;
    for way in ways {
        match may(way) {
            Ok(()) => return Some(Ok(())),
            Err(impossible) => {
                closed = Some(match closed {
                    Some(before) => deepest(before, impossible),
                    None => impossible,
                });
            }
        }
    }
    closed.map(Err)
}

fn deepest(one: Impossible, other: Impossible) -> Impossible {
    let depth = |impossible: &Impossible| impossible.path.matches('/').count();
    if depth(&other) > depth(&one) { other } else { one }
}

/// Whether a condition holds of an absent member.
fn accepts_absence(condition: &Condition) -> bool {
    match condition {
        Condition::Leaf(_, tests) => tests.iter().any(is_absence),
        Condition::Member(_, conditions) => conditions.iter().all(accepts_absence),
        Condition::Or(branches) => branches.iter().any(|conditions| conditions.iter().all(accepts_absence)),
    }
}

fn is_absence(test: &Test) -> bool {
    matches!(test, Test::Exists(false))
}

/// Whether a value of this shape may pass a test by itself, not by its items.
fn may_pass(test: &Test, shape: &Shape<'_>) -> bool {
    let types = shape.types();
    if is_absence(test) {
        // Objects and lists may be without a scalar, which counts as absent.
        return types.have(Types::OBJECT | Types::LIST);
    }
    if let Some(listed) = shape.listed() {
        return listed.into_iter().any(|value| Types::SCALAR.have(Types::of(value)) && test.may_pass(value));
    }
    let of_type = |value: &Value| types.have(Types::of(value)) && test.may_pass(value);
    match test {
        Test::Equals(Value::String(text)) => {
            types.have(Types::TEXT) && shape.may_have_length((text.chars().count(), text.chars().count()))
        }
        Test::Equals(value) => {
            let is_inside = value.as_f64().is_none_or(|number| shape.bounds().may_hold(Bounds::exactly(number), false));
            types.have(Types::of(value)) && is_inside
        }
        Test::Text(test) => types.have(Types::TEXT) && shape.may_have_length(test.lengths()),
        Test::Numeric(bounds) => {
            types.have(Types::NUMBER) && shape.bounds().may_hold(*bounds, !types.have(Types::FRACTION))
        }
        Test::Exists(_) => types.have(Types::SCALAR),
        Test::AnythingBut(_) => {
            types.have(Types::TEXT | Types::NUMBER)
                || [Value::Null, Value::Bool(true), Value::Bool(false)].iter().any(of_type)
        }
    }
}

//! The demands of a schema on one place of a payload.
//!
//! A [`Shape`] errs on one side: it may allow values that the schema does not, never the other way
//! around. It ignores `not` and other keywords, which allows more.

use std::ops::{BitAnd, BitOr};

use serde_json::{Map, Value};

use super::test::{Bounds, may_equal};
use crate::{
    document::{Document, Place},
    keywords::Applies,
    limits::FILTER_SHAPES_MAX,
};

/// One way of being valid at a place: a set of subschemas that all hold there.
pub(super) struct Shape<'a> {
    document: &'a Document<'a>,
    places: Vec<Place>,
}

impl<'a> Shape<'a> {
    /// Every way of being valid under all of these subschemas; none if no value is. Too many of them
    /// become one shape that ignores branches.
    pub(super) fn all(document: &'a Document<'a>, places: &[Place]) -> Vec<Self> {
        let mut search = Search { document, found: Vec::new(), steps_left: FILTER_SHAPES_MAX };
        let begin = Partial::default();
        if search.expand(places.to_vec(), begin.clone()).is_none() {
            // Branches are looked at after all other keywords, so this ends at once.
            search.found =
                search.without_branches(places.to_vec(), begin).map(|partial| partial.places).into_iter().collect();
        }
        search.found.into_iter().map(|places| Self { document, places }).collect()
    }

    fn schemas(&self) -> impl Iterator<Item = &'a Map<String, Value>> {
        self.places.iter().filter_map(|&place| self.document.schema(place).as_object())
    }

    /// The types that a value may have.
    pub(super) fn types(&self) -> Types {
        self.schemas().fold(Types::ALL, |types, schema| types & Types::allowed(schema))
    }

    /// The values that `enum` and `const` list, if they list any.
    pub(super) fn listed(&self) -> Option<Vec<&'a Value>> {
        let lists = self.schemas().flat_map(|schema| {
            let constant = schema.get("const").map(std::slice::from_ref);
            constant.into_iter().chain(schema.get("enum").and_then(Value::as_array).map(Vec::as_slice))
        });
        let types = self.types();
        lists.map(|list| list.iter().filter(|value| types.have(Types::of(value))).collect()).reduce(
            |mut listed: Vec<&Value>, list: Vec<&Value>| {
                listed.retain(|value| list.iter().any(|other| may_equal(value, other)));
                listed
            },
        )
    }

    /// The bounds of a number.
    pub(super) fn bounds(&self) -> Bounds {
        let bounds = self.schemas().map(|schema| {
            let limit = |keyword, is_allowed| Some((schema.get(keyword)?.as_f64()?, is_allowed));
            let inclusive = Bounds { low: limit("minimum", true), high: limit("maximum", true) };
            inclusive.and(Bounds { low: limit("exclusiveMinimum", false), high: limit("exclusiveMaximum", false) })
        });
        bounds.fold(Bounds::default(), Bounds::and)
    }

    /// Whether a text may have a number of characters between `least` and `greatest`.
    pub(super) fn may_have_length(&self, (least, greatest): (usize, usize)) -> bool {
        let limit = |keyword: &'static str| {
            let limits = self.schemas().filter_map(move |schema| schema.get(keyword)?.as_u64());
            limits.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
        };
        limit("minLength").all(|limit| limit <= greatest) && limit("maxLength").all(|limit| least <= limit)
    }

    /// Whether a member is required.
    pub(super) fn requires(&self, name: &str) -> bool {
        let mut required = self.schemas().filter_map(|schema| schema.get("required")?.as_array());
        required.any(|names| names.iter().any(|required| required == name))
    }

    /// Whether `properties` declares a member.
    pub(super) fn declares(&self, name: &str) -> bool {
        self.schemas().any(|schema| declared(schema, name).is_some())
    }

    /// The subschemas that hold of a member.
    pub(super) fn member(&self, name: &str) -> Vec<Place> {
        let mut found = Vec::new();
        for &place in &self.places {
            let Some(schema) = self.document.schema(place).as_object() else { continue };
            let declared = declared(schema, name);
            // A pattern may match this name or not.
            let is_additional = declared.is_none() && !has_patterns(schema);
            found.extend(declared);
            found.extend(schema.get("additionalProperties").filter(|_| is_additional));
            found.extend(schema.get("unevaluatedProperties").filter(|_| !self.may_evaluate(place, name)));
        }
        found.into_iter().filter_map(|schema| self.document.place(schema)).collect()
    }

    /// Whether another keyword than `unevaluatedProperties` may be about a member.
    fn may_evaluate(&self, place: Place, name: &str) -> bool {
        let (mut seen, mut next) = (vec![place], 0);
        while let Some(&at) = seen.get(next) {
            next += 1;
            let Some(schema) = self.document.schema(at).as_object() else { continue };
            let is_other = at != place && schema.contains_key("unevaluatedProperties");
            let has_more = has_patterns(schema) || schema.contains_key("additionalProperties");
            if is_other || has_more || declared(schema, name).is_some() {
                return true;
            }
            let inside = self.document.children(at).filter(|(_, applies)| *applies == Applies::InPlace);
            let targets = self.document.references(at).iter().filter_map(|reference| reference.target);
            for found in inside.map(|(child, _)| child).chain(targets) {
                if !seen.contains(&found) {
                    seen.push(found);
                }
            }
        }
        false
    }

    /// The subschemas that hold of an item, for each kind of item that a list may have.
    pub(super) fn items(&self) -> Vec<Vec<Place>> {
        let place = |schema: &Value| self.document.place(schema);
        let (mut kinds, mut of_all) = (Vec::new(), Vec::new());
        for schema in self.schemas() {
            let first = schema.get("prefixItems").and_then(Value::as_array);
            let rest: Vec<Place> = schema.get("items").and_then(place).into_iter().collect();
            match first {
                // A second `prefixItems` is ignored, which allows more.
                Some(first) if kinds.is_empty() => {
                    kinds = first.iter().map(|schema| place(schema).into_iter().collect()).collect();
                    kinds.push(rest);
                }
                Some(_) => {}
                None => of_all.extend(rest),
            }
        }
        if kinds.is_empty() {
            kinds.push(Vec::new());
        }
        for kind in &mut kinds {
            kind.extend(&of_all);
        }
        kinds
    }
}

fn declared<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    schema.get("properties")?.as_object()?.get(name)
}

fn has_patterns(schema: &Map<String, Value>) -> bool {
    schema.get("patternProperties").and_then(Value::as_object).is_some_and(|patterns| !patterns.is_empty())
}

/// A shape while it is put together.
#[derive(Clone, Default)]
struct Partial<'a> {
    places: Vec<Place>,
    /// Of each of these, one has to be chosen.
    choices: Vec<Vec<Vec<&'a Value>>>,
}

struct Search<'a> {
    document: &'a Document<'a>,
    found: Vec<Vec<Place>>,
    steps_left: usize,
}

impl<'a> Search<'a> {
    /// Finds every shape under these subschemas; `None` if they are too many.
    fn expand(&mut self, todo: Vec<Place>, partial: Partial<'a>) -> Option<()> {
        self.steps_left = self.steps_left.checked_sub(1)?;
        let Some(mut partial) = self.without_branches(todo, partial) else { return Some(()) };
        let Some(choice) = partial.choices.pop() else {
            self.found.push(partial.places);
            return Some(());
        };
        for option in choice {
            let todo = option.into_iter().filter_map(|schema| self.document.place(schema)).collect();
            self.expand(todo, partial.clone())?;
        }
        Some(())
    }

    /// Adds all subschemas that hold in any case; `None` if no value is valid.
    fn without_branches(&self, mut todo: Vec<Place>, mut partial: Partial<'a>) -> Option<Partial<'a>> {
        while let Some(place) = todo.pop() {
            let schema = match self.document.schema(place) {
                Value::Bool(false) => return None,
                Value::Object(schema) if !partial.places.contains(&place) => schema,
                _ => continue,
            };
            partial.places.push(place);
            todo.extend(list(schema, "allOf").filter_map(|schema| self.document.place(schema)));
            todo.extend(self.document.references(place).iter().filter_map(|reference| reference.target));
            for keyword in ["anyOf", "oneOf"] {
                let options: Vec<_> = list(schema, keyword).map(|schema| vec![schema]).collect();
                partial.choices.extend((!options.is_empty()).then_some(options));
            }
            let [condition, then, otherwise] = ["if", "then", "else"].map(|keyword| schema.get(keyword));
            if let Some(condition) = condition {
                let holds = [Some(condition), then].into_iter().flatten().collect();
                partial.choices.push(vec![holds, otherwise.into_iter().collect()]);
            }
        }
        Some(partial)
    }
}

fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(keyword).and_then(Value::as_array).into_iter().flatten()
}

/// A set of types. Whole numbers are a type of their own, beside all other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const WHOLE: Self = Self(4);
    pub(super) const FRACTION: Self = Self(8);
    pub(super) const NUMBER: Self = Self(4 | 8);
    pub(super) const TEXT: Self = Self(16);
    pub(super) const LIST: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const SCALAR: Self = Self(1 | 2 | 4 | 8 | 16);
    const ALL: Self = Self(127);
    const NONE: Self = Self(0);

    /// Whether one of the other types is among these.
    pub(super) fn have(self, others: Self) -> bool {
        self & others != Self::NONE
    }

    /// The type of a value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() != 0.0) => Self::FRACTION,
            Value::Number(_) => Self::WHOLE,
            Value::String(_) => Self::TEXT,
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// The types that one schema allows by itself.
    fn allowed(schema: &Map<String, Value>) -> Self {
        let of_all = |values: &[Value]| values.iter().map(Self::of).fold(Self::NONE, Self::bitor);
        let constant = schema.get("const").map_or(Self::ALL, Self::of);
        let listed = schema.get("enum").and_then(Value::as_array).map_or(Self::ALL, |values| of_all(values));
        Self::named_in(schema) & constant & listed
    }

    fn named_in(schema: &Map<String, Value>) -> Self {
        let by_name = match schema.get("type") {
            Some(Value::String(name)) => Self::named(name),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(Self::named).fold(Self::NONE, Self::bitor)
            }
            _ => return Self::ALL,
        };
        // `nullable` means nothing without a type.
        let is_nullable = schema.get("nullable") == Some(&Value::Bool(true));
        if is_nullable { by_name | Self::NULL } else { by_name }
    }

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::WHOLE,
            "number" => Self::NUMBER,
            "string" => Self::TEXT,
            "array" => Self::LIST,
            "object" => Self::OBJECT,
            _ => Self::ALL,
        }
    }
}

impl BitAnd for Types {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Types {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

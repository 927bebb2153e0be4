//! Evaluates single values, for the finite sets among the schemas (`enum`, `const`) and for the
//! search for a counterexample.
//!
//! An [`Evaluator`] answers for any subschema, which the compiled validator cannot, and answers
//! `None` where it would have to guess. A counterexample is shown only if the validators agree.

mod evaluated;

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{
    budget::Budget,
    claim::Claim,
    equality::equal,
    formats::Formats,
    kinds::Kind,
    language::{BYTES_PER_STEP, Language},
    members::{Region, covers},
    numbers,
    terms::{AtomId, SchemaId, Terms, Test},
};
use crate::canonical::canonical_text;
use evaluated::Part;

/// Levels down to which values are followed.
const DEPTH_MAX: usize = 24;

/// Evaluates values under the schemas and atoms of both documents.
pub(super) struct Evaluator<'t> {
    pub(super) terms: &'t Terms<'t>,
    pub(super) language: &'t Language<'t>,
    pub(super) formats: &'t Formats,
    pub(super) budget: &'t Budget,
}

impl Evaluator<'_> {
    /// Whether the value is valid under the schema.
    pub(super) fn schema(&self, schema: SchemaId, value: &Value) -> Option<bool> {
        self.schema_at(schema, value, 0)
    }

    /// Whether the value satisfies the atom.
    pub(super) fn atom(&self, atom: AtomId, value: &Value) -> Option<bool> {
        self.atom_at(atom, value, 0)
    }

    /// Whether the value makes the claim true.
    pub(super) fn claim(&self, claim: Claim, value: &Value) -> Option<bool> {
        match claim {
            Claim::Valid(schema) => self.schema(schema, value),
            Claim::Satisfies(atom) => self.atom(atom, value),
        }
    }

    fn schema_at(&self, schema: SchemaId, value: &Value, depth: usize) -> Option<bool> {
        if depth > DEPTH_MAX || !self.budget.take(1) {
            return None;
        }
        all(self.terms.schemas[schema].atoms.iter().map(|&atom| self.atom_at(atom, value, depth)))
    }

    fn atom_at(&self, atom: AtomId, value: &Value, depth: usize) -> Option<bool> {
        let atom = &self.terms.atoms[atom];
        match (&atom.test, value) {
            (Test::OtherMembers(schema), Value::Object(members)) => all(members
                .iter()
                .map(|(name, member)| self.other(atom.owner, value, Part::Member(name), *schema, member, depth))),
            (Test::OtherElements(schema), Value::Array(elements)) => all(elements
                .iter()
                .enumerate()
                .map(|(index, element)| self.other(atom.owner, value, Part::Element(index), *schema, element, depth))),
            (test, _) => self.test(test, value, depth),
        }
    }

    fn test(&self, test: &Test<'_>, value: &Value, depth: usize) -> Option<bool> {
        let kind = Kind::of(value);
        if !test.domain().contains(kind) {
            return Some(true);
        }
        let of = |schema: &SchemaId| self.schema_at(*schema, value, depth + 1);
        match (test, value) {
            (Test::Never, _) => Some(false),
            (Test::Kinds(kinds), _) => Some(kinds.contains(kind)),
            (Test::Among(values), _) => Some(values.iter().any(|other| equal(other, value))),
            (Test::All(schemas), _) => all(schemas.iter().map(of)),
            (Test::Any(schemas), _) => not(all(schemas.iter().map(|schema| not(of(schema))))),
            (Test::One(schemas), _) => {
                let verdicts: Option<Vec<bool>> = schemas.iter().map(of).collect();
                Some(verdicts?.into_iter().filter(|valid| *valid).count() == 1)
            }
            (Test::Not(schema), _) => not(of(schema)),
            (Test::If { condition, then, otherwise }, _) => {
                let branch = if of(condition)? { then } else { otherwise };
                branch.as_ref().map_or(Some(true), of)
            }
            (_, Value::Number(number)) => numbers::satisfies(number, test),
            (_, Value::String(text)) => self.text(test, text),
            (_, Value::Array(elements)) => self.array(test, elements, depth),
            (_, Value::Object(members)) => self.object(test, value, members, depth),
            _ => None,
        }
    }

    fn text(&self, test: &Test<'_>, text: &str) -> Option<bool> {
        let chars = || text.chars().count() as u64;
        if !self.budget.take(text.len() / BYTES_PER_STEP) {
            return None;
        }
        match test {
            Test::LengthAtLeast(least) => Some(chars() >= *least),
            Test::LengthAtMost(most) => Some(chars() <= *most),
            Test::Matches(pattern) => self.language.matches(*pattern, text),
            Test::Format(format) => self.formats.accepts(format, text),
            _ => None,
        }
    }

    fn array(&self, test: &Test<'_>, elements: &[Value], depth: usize) -> Option<bool> {
        let count = elements.len() as u64;
        let matching = |schema: &SchemaId| -> Option<u64> {
            let verdicts: Option<Vec<bool>> =
                elements.iter().map(|element| self.schema_at(*schema, element, depth + 1)).collect();
            Some(verdicts?.into_iter().filter(|valid| *valid).count() as u64)
        };
        match test {
            Test::ElementsAtLeast(least) => Some(count >= *least),
            Test::ElementsAtMost(most) => Some(count <= *most),
            Test::Unique => Some(are_unique(elements)),
            Test::Elements(span, schema) => {
                let spoken_of = elements.iter().enumerate().filter(|(index, _)| span.covers(*index));
                all(spoken_of.map(|(_, element)| self.schema_at(*schema, element, depth + 1)))
            }
            Test::ContainsAtLeast(schema, least) => Some(matching(schema)? >= *least),
            Test::ContainsAtMost(schema, most) => Some(matching(schema)? <= *most),
            _ => None,
        }
    }

    fn object(&self, test: &Test<'_>, value: &Value, members: &Map<String, Value>, depth: usize) -> Option<bool> {
        let count = members.len() as u64;
        match test {
            Test::Required(name) => Some(members.contains_key(*name)),
            Test::MembersAtLeast(least) => Some(count >= *least),
            Test::MembersAtMost(most) => Some(count <= *most),
            Test::Names(schema) => {
                all(members.keys().map(|name| self.schema_at(*schema, &Value::from(name.as_str()), depth + 1)))
            }
            Test::Members(scope, schema) => all(members.iter().map(|(name, member)| {
                let is_spoken_of = covers(self.terms, self.language, *scope, &Region::Name(name))?;
                if is_spoken_of { self.schema_at(*schema, member, depth + 1) } else { Some(true) }
            })),
            Test::With { name, required } if members.contains_key(*name) => {
                self.test(&self.terms.atoms[*required].test, value, depth)
            }
            Test::WithSchema { name, schema } if members.contains_key(*name) => {
                self.schema_at(*schema, value, depth + 1)
            }
            Test::With { .. } | Test::WithSchema { .. } => Some(true),
            _ => None,
        }
    }
}

/// Equal values have one canonical text.
fn are_unique(elements: &[Value]) -> bool {
    let mut seen = HashSet::with_capacity(elements.len());
    elements.iter().all(|element| seen.insert(canonical_text(element)))
}

/// Whether all are true: false as soon as one is false, even if others are unknown.
fn all(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for verdict in verdicts {
        match verdict {
            Some(false) => return Some(false),
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

fn not(verdict: Option<bool>) -> Option<bool> {
    verdict.map(|verdict| !verdict)
}

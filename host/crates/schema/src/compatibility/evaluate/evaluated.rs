//! Which members and elements of a value are evaluated, for `unevaluatedProperties` and
//! `unevaluatedItems`.

use serde_json::Value;

use super::{
    super::{
        members::{Region, covers},
        terms::{SchemaId, Test},
    },
    Evaluator,
};

/// Levels of branches in one another that are followed.
const BRANCHES_MAX: usize = 24;

/// A part of a value.
#[derive(Clone, Copy)]
pub(super) enum Part<'v> {
    Member(&'v str),
    Element(usize),
}

impl Evaluator<'_> {
    /// Whether a part of the value is evaluated beside the keyword of `owner` that speaks about the
    /// others, or else valid under `schema`.
    pub(super) fn other(
        &self,
        owner: SchemaId,
        value: &Value,
        part: Part<'_>,
        schema: SchemaId,
        content: &Value,
        depth: usize,
    ) -> Option<bool> {
        match self.evaluates(owner, value, part, depth, 0) {
            Some(true) => Some(true),
            Some(false) => self.schema_at(schema, content, depth + 1),
            None => self.schema_at(schema, content, depth + 1).filter(|is_valid| *is_valid),
        }
    }

    /// Whether a schema under which the value is valid evaluates the part. `branches` counts the branches
    /// around the schema; the keyword itself stands outside of all.
    fn evaluates(
        &self,
        schema: SchemaId,
        value: &Value,
        part: Part<'_>,
        depth: usize,
        branches: usize,
    ) -> Option<bool> {
        if branches > BRANCHES_MAX || !self.budget.take(1) {
            return None;
        }
        let inside = |other: &SchemaId| {
            if self.schema_at(*other, value, depth + 1)? {
                self.evaluates(*other, value, part, depth, branches + 1)
            } else {
                Some(false)
            }
        };
        any(self.terms.atoms_of(schema).map(|(_, atom)| match (&atom.test, part) {
            (Test::Members(scope, _), Part::Member(name)) => {
                covers(self.terms, self.language, *scope, &Region::Name(name))
            }
            (Test::Elements(span, _), Part::Element(index)) => Some(span.covers(index)),
            (Test::ContainsAtLeast(schema, _), Part::Element(index)) => {
                self.schema_at(*schema, value.get(index)?, depth + 1)
            }
            (Test::OtherMembers(_), Part::Member(_)) | (Test::OtherElements(_), Part::Element(_)) => Some(branches > 0),
            (Test::All(schemas) | Test::Any(schemas) | Test::One(schemas), _) => any(schemas.iter().map(inside)),
            (Test::If { condition, then, otherwise }, _) => {
                let is_met = self.schema_at(*condition, value, depth + 1)?;
                let (condition, branch) = if is_met { (Some(condition), then) } else { (None, otherwise) };
                any(condition.into_iter().chain(branch).map(inside))
            }
            // The standard is silent about what this older keyword evaluates.
            (Test::WithSchema { .. }, _) if atom.keyword == "dependencies" => None,
            (Test::WithSchema { name, schema }, _) if value.get(*name).is_some() => inside(schema),
            _ => Some(false),
        }))
    }
}

/// Whether one is true: true as soon as one is, even if others are unknown.
fn any(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut any = Some(false);
    for verdict in verdicts {
        match verdict {
            Some(true) => return Some(true),
            Some(false) => {}
            None => any = None,
        }
    }
    any
}

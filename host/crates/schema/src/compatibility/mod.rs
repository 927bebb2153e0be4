//! Proves that a new version of a schema accepts every payload that the old one accepted.
//!
#![doc = include_str!("../../docs/comparison.md")]

mod arrays;
mod budget;
mod chain;
mod claim;
mod classes;
mod equality;
mod evaluate;
mod explain;
mod facts;
mod formats;
mod kinds;
mod language;
mod locations;
mod members;
mod numbers;
mod objects;
mod patch;
mod prove;
mod reasons;
mod samples;
mod terms;
mod texts;
mod verdict;

pub use chain::{Broken, check_minor_of_all};
pub use patch::is_patch_equal;
pub use verdict::{Compatibility, Refusal, Violation};

use serde_json::Value;

use crate::{
    caps::{self, Caps},
    document::{self, Document},
    error::Result,
    expansion,
    limits::{COMPARISON_STEPS_MAX, COUNTEREXAMPLE_BYTES_MAX, COUNTEREXAMPLE_STEPS_MAX},
    rules,
    validator::{self, Validator},
};
use budget::Budget;
use claim::Claim;
use classes::Classes;
use explain::Finding;
use formats::Formats;
use language::Language;
use locations::{EVERYTHING_COUNTS, LocationId, Locations};
use prove::Prover;
use samples::Sampler;
use terms::Terms;

/// Values that are tried as a counterexample: mostly the first one is right.
const TRIED_MAX: usize = 16;

/// Proves that every payload that counts under the old schema is valid under the new one, or says why
/// there is no proof. `mode` chooses the payloads that count.
///
/// The outer result is about the schemas themselves, the inner one is the answer: `Ok(())` only if
/// there is a proof, else a [`Refusal`], with a payload that breaks if one was found.
///
/// # Errors
///
/// [`SchemaTooDeep`](crate::Error::SchemaTooDeep) or [`SchemaInvalid`](crate::Error::SchemaInvalid) if one
/// of the two is no schema that [`inspect_within`](crate::inspect_within) lets through without caps. Not everything that `inspect` refuses is found here, so
/// let it read both schemas first.
pub fn check_minor(old_schema_text: &str, new_schema_text: &str, mode: Compatibility) -> Result<Result<(), Refusal>> {
    let new_root = document::parse(new_schema_text)?;
    let new = Side { document: &read(&new_root)?, text: new_schema_text };
    compare(old_schema_text, &new, mode, &Budget::new(COMPARISON_STEPS_MAX))
}

/// A schema that takes part in a comparison.
#[derive(Clone, Copy)]
struct Side<'a> {
    document: &'a Document<'a>,
    text: &'a str,
}

impl Side<'_> {
    fn compiled(self) -> Result<Validator> {
        validator::compile(self.document, self.text.len())
    }
}

/// Compares an old schema with a new one; `budget` pays for the proof.
fn compare(old_schema_text: &str, new: &Side<'_>, mode: Compatibility, budget: &Budget) -> Result<Result<(), Refusal>> {
    let old_root = document::parse(old_schema_text)?;
    let old = Side { document: &read(&old_root)?, text: old_schema_text };
    let terms = Terms::read(old.document, new.document)?;
    let classes = Classes::of(&terms);
    if classes.of_schemas[0] == classes.of_schemas[terms.new_root] {
        return Ok(Ok(()));
    }
    let (formats, locations) = (Formats::default(), Locations::new(&terms));
    let here = match mode {
        Compatibility::Declared => locations.root(),
        Compatibility::Strict => EVERYTHING_COUNTS,
    };
    let pair = Pair { terms: &terms, classes: &classes, formats: &formats, locations: &locations, here };
    let language = Language::new(&terms.patterns, budget);
    let prover = pair.prover(&language, budget);
    if prover.proves(&[0], &[terms.new_root], here) {
        return Ok(Ok(()));
    }
    let was_spent = budget.is_spent();
    let findings = if was_spent { Vec::new() } else { explain::findings(&prover, &[0], terms.new_root, here) };
    let validators = (old.compiled()?, new.compiled()?);
    Ok(Err(pair.refusal(new.document, &findings, was_spent, &validators)))
}

/// Reads a schema that is within the bounds and obeys the rules of [`inspect`](crate::inspect).
fn read(root: &Value) -> Result<Document<'_>> {
    let document = Document::read(root)?;
    caps::measure(&document, Caps::NONE)?;
    rules::check(&document)?;
    expansion::check(&document)?;
    Ok(document)
}

/// The parts of a pair that stay the same while it is compared.
struct Pair<'t> {
    terms: &'t Terms<'t>,
    classes: &'t Classes,
    formats: &'t Formats,
    locations: &'t Locations<'t>,
    here: LocationId,
}

impl<'t> Pair<'t> {
    fn prover(&self, language: &'t Language<'t>, budget: &'t Budget) -> Prover<'t> {
        Prover::new(self.terms, self.classes, language, self.formats, self.locations, budget)
    }

    /// The violations and, if one is found, a payload that shows them.
    fn refusal(
        &self,
        new: &Document<'_>,
        findings: &[Finding],
        was_spent: bool,
        validators: &(Validator, Validator),
    ) -> Refusal {
        let budget = Budget::new(COUNTEREXAMPLE_STEPS_MAX);
        let language = Language::new(&self.terms.patterns, &budget);
        let prover = self.prover(&language, &budget);
        let sampler = Sampler::new(&prover);
        let breaks = |value: &Value| {
            value.to_string().len() <= COUNTEREXAMPLE_BYTES_MAX
                && validators.0.check(value).is_ok()
                && validators.1.check(value).is_err()
                && self.locations.only_declared(&language, self.here, value)
        };
        let claim = [Claim::Valid(self.terms.new_root)];
        let counterexample = sampler.samples(&[0], &claim, self.here, TRIED_MAX).into_iter().find(breaks);
        let is_shown = |finding: &Finding| {
            counterexample.is_some()
                && !sampler.samples(&finding.held, &[Claim::Satisfies(finding.atom)], finding.here, 1).is_empty()
        };
        let mut violations: Vec<Violation> = findings
            .iter()
            .map(|finding| reasons::violation(self.terms, new, finding.atom, is_shown(finding)))
            .collect();
        if violations.is_empty() {
            violations.push(reasons::of_the_whole(was_spent, counterexample.is_some()));
        }
        Refusal { violations, counterexample }
    }
}

#[cfg(test)]
mod cost;
#[cfg(test)]
mod tests;

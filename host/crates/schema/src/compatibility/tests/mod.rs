//! Tests of `check_minor` against the meaning of JSON Schema.
//!
//! The expected answer for a pair of schemas follows from the meaning of its keywords, never from an
//! answer of the procedure. A refusal is right if a payload breaks: it was valid and no longer is, by
//! the validators of both schemas, and it counts by a second definition of "declared", in
//! [`declared`]. An acceptance is right if there is no such payload: [`random`] looks for one.

mod bounds;
mod chain;
mod declared;
mod patch;
mod random;
mod table;

use serde_json::Value;

use super::{Compatibility, Refusal, Violation, check_minor};
use crate::{caps::Caps, schema::inspect_within, validator::Validator};

/// Both modes of a comparison.
const MODES: [Compatibility; 2] = [Compatibility::Declared, Compatibility::Strict];

/// An old and a new schema, ready to judge payloads.
struct Pair<'a> {
    old: &'a Value,
    new: &'a Value,
    before: Validator,
    after: Validator,
}

impl<'a> Pair<'a> {
    /// Compiles both schemas; `None` if one of them is not legal.
    fn read(old: &'a Value, new: &'a Value) -> Option<Self> {
        let compiled = |schema: &Value| inspect_within(&schema.to_string(), Caps::NONE).ok();
        let (before, after) = (compiled(old)?.validator, compiled(new)?.validator);
        Some(Self { old, new, before, after })
    }

    /// Whether the payload counts in this mode: it is valid under the old schema and, in the mode
    /// `Declared`, has only declared members.
    fn counts(&self, payload: &Value, mode: Compatibility) -> bool {
        self.before.check(payload).is_ok() && (mode == Compatibility::Strict || declared::is_all(self.old, payload))
    }

    /// Whether the payload counts and the new schema refuses it.
    fn is_broken_by(&self, payload: &Value, mode: Compatibility) -> bool {
        self.after.check(payload).is_err() && self.counts(payload, mode)
    }

    /// The answer of `check_minor`; `None` is an acceptance.
    fn refusal(&self, mode: Compatibility) -> Option<Refusal> {
        let verdict = check_minor(&self.old.to_string(), &self.new.to_string(), mode);
        verdict.unwrap_or_else(|error| panic!("{error}\nold {}\nnew {}", self.old, self.new)).err()
    }

    /// The flaw of a refusal, if it has one: it has to say where and why, and its counterexample has to
    /// break.
    fn flaw(&self, refusal: &Refusal, mode: Compatibility) -> Option<String> {
        let has_words = |found: &Violation| !found.rule.is_empty() && !found.reason.is_empty();
        let is_pointer = |found: &Violation| found.path.is_empty() || self.new.pointer(&found.path).is_some();
        if refusal.violations.is_empty()
            || !refusal.violations.iter().all(|found| has_words(found) && is_pointer(found))
        {
            return Some(format!("a refusal that says too little: {refusal:?}"));
        }
        let shown = refusal.counterexample.as_ref()?;
        (!self.is_broken_by(shown, mode)).then(|| format!("no counterexample in {mode:?}: {shown}"))
    }
}

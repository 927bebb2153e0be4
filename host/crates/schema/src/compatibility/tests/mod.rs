//! The proof by test of the compatibility procedure (contract 6.2).
//!
//! What a pair of schemas deserves follows from the meaning of the words in the contract, never
//! from what the procedure answers. A refusal is right when a payload is shown that was valid and
//! no longer is; whether it is shows the project's own validator. What "declared" means is
//! written here a second time, in [`declared`]. An acceptance is right when nobody finds such a
//! payload: [`random`] looks for one.

mod bounds;
mod declared;
mod patch;
mod random;
mod table;

use serde_json::Value;

use super::{Compatibility, Refusal, Violation, check_minor};
use crate::{schema::inspect, validator::Validator};

/// Both ways to read "backwards compatible".
const MODES: [Compatibility; 2] = [Compatibility::Declared, Compatibility::Strict];

/// An old and a new schema, ready to judge payloads.
struct Pair<'a> {
    old: &'a Value,
    new: &'a Value,
    before: Validator,
    after: Validator,
}

impl<'a> Pair<'a> {
    /// `None` when one of the two is no schema that may be registered.
    fn read(old: &'a Value, new: &'a Value) -> Option<Self> {
        let before = inspect(&old.to_string()).ok()?.validator;
        let after = inspect(&new.to_string()).ok()?.validator;
        Some(Self { old, new, before, after })
    }

    /// Whether the payload counts in this mode: valid under the old schema and, unless undeclared
    /// members count too, made of declared ones.
    fn counts(&self, payload: &Value, mode: Compatibility) -> bool {
        self.before.check(payload).is_ok() && (mode == Compatibility::Strict || declared::is_all(self.old, payload))
    }

    /// Whether the payload shows that the new schema breaks somebody.
    fn is_broken_by(&self, payload: &Value, mode: Compatibility) -> bool {
        self.after.check(payload).is_err() && self.counts(payload, mode)
    }

    /// Asks the procedure; `None` is an acceptance.
    fn refusal(&self, mode: Compatibility) -> Option<Refusal> {
        let verdict = check_minor(&self.old.to_string(), &self.new.to_string(), mode);
        verdict.unwrap_or_else(|error| panic!("{error}\nold {}\nnew {}", self.old, self.new)).err()
    }

    /// What is wrong with a refusal: it has to say where and why, and what it shows as a
    /// counterexample has to be one.
    fn flaw(&self, refusal: &Refusal, mode: Compatibility) -> Option<String> {
        let is_said = |found: &Violation| !found.rule.is_empty() && !found.reason.is_empty();
        let is_pointer = |found: &Violation| found.path.is_empty() || self.new.pointer(&found.path).is_some();
        if refusal.violations.is_empty() || !refusal.violations.iter().all(|found| is_said(found) && is_pointer(found))
        {
            return Some(format!("a refusal that says too little: {refusal:?}"));
        }
        let shown = refusal.counterexample.as_ref()?;
        (!self.is_broken_by(shown, mode)).then(|| format!("no counterexample in {mode:?}: {shown}"))
    }
}

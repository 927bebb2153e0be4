//! Sets of texts: lengths, patterns and formats.

use serde_json::Value;

use super::{
    facts::Facts,
    formats,
    language::Found,
    prove::Prover,
    terms::{AtomId, PatternId, Test},
};

/// Texts that a pattern matches at most, for them to be looked at one by one.
const LISTED_TEXTS_MAX: usize = 100;

/// The facts about a text.
#[derive(Default)]
struct Texts<'t> {
    least: u64,
    most: u64,
    matched: Vec<PatternId>,
    unmatched: Vec<PatternId>,
    formats: Vec<&'t str>,
    /// The expressions that all texts of the formats match.
    shapes: Vec<PatternId>,
}

impl<'t> Prover<'t> {
    /// Whether no text has these facts and makes all these atoms false.
    pub(super) fn closes_texts(&self, facts: &Facts<'t>, atoms: &[AtomId]) -> bool {
        self.has_no_text(&facts.atoms, atoms, &[], &[]) || self.few_texts_close(facts, atoms)
    }

    /// Whether only a few texts have these facts, none of which makes all atoms false. It helps only if
    /// an atom lists its texts.
    fn few_texts_close(&self, facts: &Facts<'t>, atoms: &[AtomId]) -> bool {
        if !atoms.iter().any(|&atom| matches!(self.terms.atoms[atom].test, Test::Among(_))) {
            return false;
        }
        let mut texts = Texts { most: u64::MAX, ..Texts::default() };
        for &atom in &facts.atoms {
            texts.hold(&self.terms.atoms[atom].test);
        }
        if texts.matched.is_empty() && texts.most > 0 {
            return false;
        }
        let (words, complete) = self.language.words(&texts.matched, &[], texts.least, texts.most, LISTED_TEXTS_MAX);
        complete && words.into_iter().all(|word| self.only_value_closes(facts, atoms, &Value::from(word)))
    }

    /// Whether no text satisfies all of `held`, matches `yes`, and neither satisfies one of
    /// `denied` nor matches one of `no`.
    pub(super) fn has_no_text(&self, held: &[AtomId], denied: &[AtomId], yes: &[PatternId], no: &[PatternId]) -> bool {
        let mut texts = Texts { most: u64::MAX, matched: yes.to_vec(), unmatched: no.to_vec(), ..Texts::default() };
        for &atom in held {
            texts.hold(&self.terms.atoms[atom].test);
        }
        if denied.iter().any(|&atom| texts.excludes(&self.terms.atoms[atom].test)) {
            return true;
        }
        let is_both = texts.matched.iter().any(|pattern| texts.unmatched.contains(pattern));
        is_both || texts.least > texts.most || self.patterns_exclude_each_other(&texts)
    }

    /// Lengths alone and formats alone are no reason to run automata: the table of formats has lengths.
    fn patterns_exclude_each_other(&self, texts: &Texts<'_>) -> bool {
        let all = [&texts.matched[..], &texts.shapes[..]].concat();
        let says_something = !texts.unmatched.is_empty() || all.len() > 1;
        let says_length = !texts.matched.is_empty() && (texts.least > 0 || texts.most < u64::MAX);
        (says_something || says_length)
            && self.language.find(&all, &texts.unmatched, texts.least, texts.most) == Found::Nothing
    }
}

impl<'t> Texts<'t> {
    fn hold(&mut self, test: &Test<'t>) {
        match test {
            Test::LengthAtLeast(least) => self.least = self.least.max(*least),
            Test::LengthAtMost(most) => self.most = self.most.min(*most),
            Test::Matches(pattern) if !self.matched.contains(pattern) => self.matched.push(*pattern),
            Test::Format(format) => {
                let (least, most) = formats::lengths(format);
                self.least = self.least.max(least);
                self.most = self.most.min(most);
                if !self.formats.contains(format) {
                    self.formats.push(format);
                    self.shapes.extend(formats::outer(format));
                }
            }
            _ => {}
        }
    }

    /// Learns that a test is false, and tells whether it cannot be.
    fn excludes(&mut self, test: &Test<'t>) -> bool {
        match test {
            Test::LengthAtLeast(least) => match least.checked_sub(1) {
                Some(most) => self.most = self.most.min(most),
                None => return true,
            },
            Test::LengthAtMost(most) => match most.checked_add(1) {
                Some(least) => self.least = self.least.max(least),
                None => return true,
            },
            Test::Matches(pattern) => self.unmatched.push(*pattern),
            Test::Format(format) => {
                let is_known = |own: &&str| formats::is_within(own, format);
                // A text that is not of the format does not match what only its texts match.
                self.unmatched.extend(formats::inner(format));
                return !formats::is_asserted(format) || self.formats.iter().any(is_known);
            }
            _ => {}
        }
        false
    }
}

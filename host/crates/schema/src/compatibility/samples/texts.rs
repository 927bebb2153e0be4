//! Texts that have some facts and break some claims.

use serde_json::Value;

use super::{
    super::{
        formats,
        language::Found,
        terms::{PatternId, Test},
    },
    Draft, WORDS_MAX,
};

/// What is known of the texts.
struct Wanted<'t> {
    least: u64,
    most: u64,
    /// Patterns that they match, and the inner expressions of their formats.
    matched: Vec<PatternId>,
    formats: Vec<&'t str>,
}

impl<'t> Draft<'_, '_, 't> {
    /// Samples of formats first, then texts that are made for a claim, and at last any.
    pub(super) fn texts(&self) -> Vec<Value> {
        let wanted = self.wanted();
        let mut texts: Vec<String> = wanted.formats.iter().flat_map(|format| samples(format)).collect();
        if wanted.matched.len() > wanted.formats.len() {
            let language = self.prover().language;
            texts.extend(language.words(&wanted.matched, &[], wanted.least, wanted.most, WORDS_MAX).0);
        }
        for hint in self.hints() {
            texts.extend(self.breaking(&wanted, hint));
        }
        for length in [0, wanted.least, wanted.least.saturating_add(1), wanted.most] {
            let least = length.clamp(wanted.least, wanted.most.max(wanted.least));
            texts.extend(self.text(&wanted.matched, &[], least, wanted.most));
        }
        texts.extend(self.hints().into_iter().flat_map(listed));
        let several = ["a", "x", "other", "A", "1", " ", "é"].map(str::to_owned);
        texts.into_iter().chain(several).map(Value::from).collect()
    }

    fn wanted(&self) -> Wanted<'t> {
        let mut wanted = Wanted { least: 0, most: u64::MAX, matched: Vec::new(), formats: Vec::new() };
        for test in self.known() {
            match test {
                Test::LengthAtLeast(count) => wanted.least = wanted.least.max(*count),
                Test::LengthAtMost(count) => wanted.most = wanted.most.min(*count),
                Test::Matches(pattern) => wanted.matched.push(*pattern),
                Test::Format(format) => {
                    wanted.matched.extend(formats::inner(format));
                    wanted.formats.push(format);
                }
                _ => {}
            }
        }
        wanted
    }

    /// Texts that may break the test.
    fn breaking(&self, wanted: &Wanted<'t>, test: &Test<'t>) -> Vec<String> {
        let Wanted { least, most, ref matched, .. } = *wanted;
        match test {
            Test::LengthAtLeast(count) => {
                self.text(matched, &[], least, most.min(count.saturating_sub(1))).into_iter().collect()
            }
            Test::LengthAtMost(count) => {
                self.text(matched, &[], least.max(count.saturating_add(1)), most).into_iter().collect()
            }
            Test::Matches(pattern) => {
                let outside = self.text(matched, &[*pattern], least, most);
                outside.into_iter().chain(self.text(&[&matched[..], &[*pattern]].concat(), &[], least, most)).collect()
            }
            Test::Format(format) => {
                let outside = formats::outer(format).and_then(|outer| self.text(matched, &[outer], least, most));
                outside.into_iter().chain(samples(format)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A text that matches some patterns and not others.
    pub(super) fn text(&self, matched: &[PatternId], unmatched: &[PatternId], least: u64, most: u64) -> Option<String> {
        if least > most {
            return None;
        }
        match self.prover().language.find(matched, unmatched, least, most) {
            Found::Text(text) => Some(text),
            Found::Nothing | Found::Unknown => None,
        }
    }
}

fn samples(format: &str) -> impl Iterator<Item = String> {
    formats::samples(format).iter().map(|sample| (*sample).to_owned())
}

/// The texts that a test lists, and others that are like them.
fn listed(test: &Test<'_>) -> Vec<String> {
    let Test::Among(values) = test else { return Vec::new() };
    let texts = values.iter().filter_map(|value| value.as_str());
    texts.flat_map(|text| [text.to_owned(), format!("{text}x")]).collect()
}

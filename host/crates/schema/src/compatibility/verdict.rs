//! What the procedure answers when it does not accept.

use serde_json::{Value, json};

/// The first word of a reason that is no proof of a break, but the lack of a proof of the opposite.
pub(super) const CANNOT_PROVE: &str = "cannot_prove";

/// Which members of an open object count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compatibility {
    /// Those that the old schema declares.
    #[default]
    Declared,
    /// All that it lets through.
    Strict,
}

impl Compatibility {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "backward",
            Self::Strict => "strict",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Declared, Self::Strict].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// One place where the new schema takes less than the old one, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the new schema: the keyword that takes less.
    pub path: String,
    /// That keyword.
    pub rule: String,
    /// What is wrong with it. Starts with [`CANNOT_PROVE`] when no payload is known that breaks.
    pub reason: String,
}

/// Why a pair is not accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Never empty.
    pub violations: Vec<Violation>,
    /// A payload that is valid before and invalid after, checked with both validators.
    pub counterexample: Option<Value>,
}

impl Refusal {
    /// Whether nothing was found that breaks: the pair may be compatible, but there is no proof.
    pub fn is_unproven(&self) -> bool {
        self.counterexample.is_none()
            && self.violations.iter().all(|violation| violation.reason.starts_with(CANNOT_PROVE))
    }

    /// The `details` of an answer: `violations`, and `counterexample` when there is one.
    pub fn details(&self) -> Value {
        let violations: Vec<Value> = self
            .violations
            .iter()
            .map(|found| json!({ "path": found.path, "rule": found.rule, "reason": found.reason }))
            .collect();
        let mut details = json!({ "violations": violations });
        if let (Some(map), Some(payload)) = (details.as_object_mut(), &self.counterexample) {
            map.insert("counterexample".to_owned(), payload.clone());
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_reads_back() {
        for mode in [Compatibility::Declared, Compatibility::Strict] {
            assert_eq!(Compatibility::parse(mode.as_str()), Some(mode));
        }
        assert_eq!(Compatibility::parse("none"), None);
        assert_eq!(Compatibility::default().as_str(), "backward");
    }

    #[test]
    fn details_hold_the_counterexample_only_when_there_is_one() {
        let violation =
            Violation { path: "/type".to_owned(), rule: "type".to_owned(), reason: format!("{CANNOT_PROVE}: why") };
        let mut refusal = Refusal { violations: vec![violation], counterexample: None };
        assert!(refusal.is_unproven());
        let shown = json!({ "path": "/type", "rule": "type", "reason": "cannot_prove: why" });
        assert_eq!(refusal.details(), json!({ "violations": [shown] }));
        refusal.counterexample = Some(Value::Null);
        assert!(!refusal.is_unproven());
        assert_eq!(refusal.details()["counterexample"], Value::Null);
        assert!(refusal.details().get("counterexample").is_some());
    }
}

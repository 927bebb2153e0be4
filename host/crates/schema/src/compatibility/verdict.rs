//! The modes of a comparison, and its answer when there is no proof.

use serde_json::{Value, json};

/// The first word of a reason that reports the lack of a proof, and not a payload that breaks.
pub(super) const CANNOT_PROVE: &str = "cannot_prove";

/// The payloads that count in a comparison, by the members that they use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compatibility {
    /// Payloads that use only members which the old schema declares.
    #[default]
    Declared,
    /// All payloads that the old schema accepts.
    Strict,
}

impl Compatibility {
    /// The stable name: `backward` or `strict`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "backward",
            Self::Strict => "strict",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Declared, Self::Strict].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// One place where the new schema accepts less than the old one, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the new schema: the keyword that accepts less.
    pub path: String,
    /// That keyword; `schema` if no single one can be named.
    pub rule: String,
    /// What is wrong with it, in words. Starts with `cannot_prove` if no payload is known that breaks.
    pub reason: String,
}

/// The answer of a comparison that found no proof.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Never empty.
    pub violations: Vec<Violation>,
    /// A payload that is valid under the old schema and invalid under the new one, checked with the
    /// validators of both; `None` if none was found.
    pub counterexample: Option<Value>,
}

impl Refusal {
    /// Whether no payload and no keyword is known to break: the versions may be compatible, but there
    /// is no proof.
    pub fn is_unproven(&self) -> bool {
        self.counterexample.is_none()
            && self.violations.iter().all(|violation| violation.reason.starts_with(CANNOT_PROVE))
    }

    /// The refusal as a JSON object: `violations` as a list of `{ path, rule, reason }`, and
    /// `counterexample` if there is one.
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

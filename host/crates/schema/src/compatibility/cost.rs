//! Pairs of schemas that were made to hurt stay within the bounds.

use std::thread;

use serde_json::{Value, json};

use super::*;
use crate::limits::{COMPARISON_DEPTH_MAX, SCHEMA_PROPERTIES_MAX, SCHEMA_VIOLATIONS_SHOWN_MAX};

fn refused(old: &Value, new: &Value) -> Refusal {
    check_minor(&old.to_string(), &new.to_string(), Compatibility::Strict).expect("legal").expect_err("refused")
}

/// A union of many variants that differ in many members: taken apart naively, it takes as many
/// cases as there are ways to choose one member of each.
fn union(variants: usize, shift: usize) -> Value {
    let branch = |variant: usize| {
        let members: Value =
            (0..4).map(|i| (format!("p{i}"), json!({ "minimum": variant * 10 + i + shift }))).collect();
        json!({ "type": "object", "properties": members })
    };
    json!({ "anyOf": (0..variants).map(branch).collect::<Value>() })
}

#[test]
fn comparison_steps_max() {
    let refusal = refused(&union(12, 0), &union(12, 1));
    assert_eq!(refusal.violations.len(), 1, "{refusal:?}");
    assert!(refusal.counterexample.is_some() || refusal.violations[0].reason.contains("budget"), "{refusal:?}");
    let budget = Budget::new(10);
    let (old, new) = (union(12, 0), union(12, 1));
    let (old, new) = (read(&old).expect("legal"), read(&new).expect("legal"));
    let terms = Terms::read(&old, &new).expect("well formed");
    let (classes, language, formats, locations) =
        (Classes::of(&terms), Language::new(&terms.patterns, &budget), Formats::default(), Locations::new(&terms));
    let prover = Prover::new(&terms, &classes, &language, &formats, &locations, &budget);
    assert!(!prover.proves(&[0], &[terms.new_root], EVERYTHING_COUNTS) && budget.is_spent());
}

/// Branches within members within branches, on a thread with the stack of a worker.
#[test]
fn comparison_depth_max() {
    let nested = |levels: usize, least: u32| {
        (0..levels).fold(json!({ "minimum": least }), |inner, _| {
            json!({ "additionalProperties": { "not": { "anyOf": [{ "not": inner }, { "type": "null" }] } } })
        })
    };
    let is_accepted = move |levels: usize| {
        let (old, new) = (nested(levels, 2).to_string(), nested(levels, 1).to_string());
        check_minor(&old, &new, Compatibility::Strict).expect("legal").is_ok()
    };
    let compare = move || (is_accepted(3), is_accepted(COMPARISON_DEPTH_MAX / 4));
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(compare).expect("a thread");
    assert_eq!(thread.join().expect("no overflow"), (true, false));
}

#[test]
fn counterexample_steps_max() {
    let old = json!({ "properties": { "a": { "type": "object", "additionalProperties": { "type": "integer" } } } });
    let new = json!({ "properties": { "a": { "type": "object", "additionalProperties": { "type": "string" } } } });
    assert!(refused(&old, &new).counterexample.is_some());
    let (old, new) = (read(&old).expect("legal"), read(&new).expect("legal"));
    let terms = Terms::read(&old, &new).expect("well formed");
    let budget = Budget::new(10);
    let (classes, language, formats, locations) =
        (Classes::of(&terms), Language::new(&terms.patterns, &budget), Formats::default(), Locations::new(&terms));
    let prover = Prover::new(&terms, &classes, &language, &formats, &locations, &budget);
    let claim = [Claim::Valid(terms.new_root)];
    assert!(Sampler::new(&prover).samples(&[0], &claim, EVERYTHING_COUNTS, 1).is_empty() && budget.is_spent());
}

#[test]
fn counterexample_bytes_max() {
    let text = |most: usize| json!({ "type": "string", "maxLength": most });
    // Two quotes belong to the payload.
    let longest = COUNTEREXAMPLE_BYTES_MAX - 2;
    let shown = refused(&text(longest), &text(longest - 1)).counterexample.expect("a text");
    assert_eq!(shown.to_string().len(), COUNTEREXAMPLE_BYTES_MAX);
    assert_eq!(refused(&text(longest + 1), &text(longest)).counterexample, None);
}

/// Fifty members with the longest texts, in as many objects as could be tried, would fill the memory.
#[test]
fn long_texts_are_paid_for_by_the_budget() {
    let of = |least: usize| -> Value {
        let members: Value =
            (0..50).map(|i| (format!("p{i}"), json!({ "type": "string", "minLength": least + i }))).collect();
        let names: Vec<String> = (0..50).map(|i| format!("p{i}")).collect();
        json!({ "type": "array", "minItems": 1_000, "items": { "type": "object", "properties": members, "required": names } })
    };
    let refusal = refused(&of(100_000), &of(100_001));
    assert_eq!(refusal.counterexample, None);
}

#[test]
fn schema_violations_shown_max() {
    let schema = |kind: &str| -> Value {
        let members: Value = (0..SCHEMA_PROPERTIES_MAX).map(|i| (format!("p{i}"), json!({ "type": kind }))).collect();
        json!({ "type": "object", "properties": members })
    };
    let refusal = refused(&schema("string"), &schema("integer"));
    assert_eq!(refusal.violations.len(), SCHEMA_VIOLATIONS_SHOWN_MAX);
    assert!(refusal.counterexample.is_some());
}

//! Schemas and payloads that were made to hurt stay within the bounds.

use std::thread;

use serde_json::{Value, json};

use super::{super::*, errors, is_too_deep, legal, refusal};
use crate::error::Error;
use crate::limits::{
    CHECK_DEPTH_MAX, CHECK_NESTING_MAX, PAYLOAD_ERRORS_SHOWN_MAX, QUICK_CHECK_STEPS_MAX, SCHEMA_CHAIN_MAX,
    SCHEMA_EXPANSION_MAX, SCHEMA_NESTING_MAX, SCHEMA_PATTERN_BYTES_MAX, SCHEMA_PATTERN_COMPILED_BYTES_MAX,
    SCHEMA_PATTERN_PLACES_MAX, SCHEMA_PATTERNS_MAX,
};

#[test]
fn schema_expansion_max() {
    let branches = |count: usize| json!({ "allOf": vec![json!({}); count] });
    legal(&branches(SCHEMA_EXPANSION_MAX - 1));
    refusal(&branches(SCHEMA_EXPANSION_MAX));
    // Doubles at each of twenty steps.
    let mut definitions = json!({ "d20": { "type": "object" } });
    for step in 0..20 {
        let next = format!("#/$defs/d{}", step + 1);
        definitions[format!("d{step}")] = json!({ "anyOf": [{ "$ref": next }, { "$ref": next }] });
    }
    refusal(&json!({ "$ref": "#/$defs/d0", "$defs": definitions }));
}

#[test]
fn schema_chain_max() {
    let chain = |length: usize| {
        let mut definitions = json!({});
        for step in 1..length {
            definitions[format!("d{step}")] = json!({ "$ref": format!("#/$defs/d{}", step + 1) });
        }
        definitions[format!("d{length}")] = json!({});
        json!({ "$ref": "#/$defs/d1", "$defs": definitions })
    };
    legal(&chain(SCHEMA_CHAIN_MAX - 1));
    refusal(&chain(SCHEMA_CHAIN_MAX));
}

/// Following a chain of references must not use up the stack, however long it is.
#[test]
fn schema_nesting_max() {
    let chain = |length: usize, keyword: &str| {
        let mut definitions = json!({});
        for step in 0..length {
            definitions[format!("d{step}")] = json!({ keyword: { "$ref": format!("#/$defs/d{}", step + 1) } });
        }
        definitions[format!("d{length}")] = json!({});
        json!({ "$ref": "#/$defs/d0", "$defs": definitions })
    };
    // Each step is a subschema and a reference; the root and its reference come first.
    let uncapped = |schema: &Value| inspect_within(&schema.to_string(), Caps::NONE);
    assert!(uncapped(&chain(SCHEMA_NESTING_MAX / 2 - 1, "additionalProperties")).is_ok());
    let refused = uncapped(&chain(SCHEMA_NESTING_MAX / 2, "additionalProperties"));
    assert!(matches!(refused, Err(Error::SchemaTooDeep { .. })));
    assert!(is_too_deep(&chain(900, "not")));
}

/// However high an operator sets the caps, a schema and the check of a payload fit into a worker's stack.
#[test]
fn schemas_without_caps_stay_within_the_stack() {
    let check = || {
        // JSON texts nest 127 levels at most, and each of these takes two.
        let nest =
            |levels: u16, inner: Value, around: fn(Value) -> Value| (0..levels).fold(inner, |all, _| around(all));
        let deep = nest(62, json!({ "type": "integer" }), |inner| json!({ "properties": { "a": inner } }));
        let schema = inspect_within(&deep.to_string(), Caps::NONE).expect("legal");
        [json!(1), json!("text")]
            .map(|inner| schema.validator.check(&nest(62, inner, |all| json!({ "a": all }))).is_ok())
    };
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(check).expect("a thread");
    assert_eq!(thread.join().expect("no overflow"), [true, false]);
}

#[test]
fn circles_that_never_descend_are_refused() {
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "not": { "$ref": "#/$defs/a" } } } }),
    ] {
        let (_, reason) = refusal(&schema);
        assert!(reason.contains("without an end"), "{reason}");
    }
}

#[test]
fn schema_patterns_max() {
    let several = |count: usize| -> Value {
        json!({ "patternProperties": (0..count).map(|i| (format!("^p{i}$"), json!({}))).collect::<Value>() })
    };
    legal(&several(SCHEMA_PATTERNS_MAX));
    refusal(&several(SCHEMA_PATTERNS_MAX + 1));
}

#[test]
fn schema_pattern_bytes_max() {
    legal(&json!({ "pattern": "a".repeat(SCHEMA_PATTERN_BYTES_MAX) }));
    refusal(&json!({ "pattern": "a".repeat(SCHEMA_PATTERN_BYTES_MAX + 1) }));
}

#[test]
fn schema_pattern_places_max() {
    let repeated = |times: usize| json!({ "pattern": format!("(ab){{{times}}}") });
    legal(&repeated(SCHEMA_PATTERN_PLACES_MAX / 2));
    refusal(&repeated(SCHEMA_PATTERN_PLACES_MAX / 2 + 1));
}

/// The pattern has few characters, but each stands for thousands.
#[test]
fn schema_pattern_compiled_bytes_max() {
    legal(&json!({ "pattern": r"^(\p{L}\p{N})$" }));
    let (_, reason) = refusal(&json!({ "pattern": r"^(\p{L}\p{N}){100}$" }));
    assert!(reason.contains(&SCHEMA_PATTERN_COMPILED_BYTES_MAX.to_string()), "{reason}");
}

#[test]
fn patterns_of_backtracking_engines_are_refused() {
    for foreign in ["(?=a)b", r"(a)\1", "(?<!a)b", "[a"] {
        let (_, reason) = refusal(&json!({ "pattern": foreign }));
        assert!(reason.contains("regular expression"), "{foreign}: {reason}");
    }
}

#[test]
fn usual_patterns_are_legal() {
    for usual in [
        r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$",
        r"^https?://\S+$",
        r"^\p{Lu}\p{Ll}+( \p{Lu}\p{Ll}+)*$",
        r"^[\p{L}\p{N}\p{P}\p{Zs}]+$",
        r"^\+?[1-9]\d{1,14}$",
        r"^.{1,5000}$",
    ] {
        legal(&json!({ "pattern": usual }));
    }
}

/// Texts on which backtracking engines take time exponential in the length.
#[test]
fn catastrophic_patterns_are_harmless() {
    for pattern in ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^([a-z]+)*$", r"^(\w+\s?)*$", "(.*)*x"] {
        let schema = legal(&json!({ "properties": { "a": { "pattern": pattern } } }));
        let text = format!("{}!", "a".repeat(50_000));
        assert_eq!(errors(&schema, &json!({ "a": text }))[0].keyword, "pattern", "{pattern}");
    }
}

fn too_much(schema: &Schema, payload: &Value) -> bool {
    let found = errors(schema, payload);
    found.len() == 1 && found[0].keyword.is_empty()
}

/// The schema visits each level twice as often as the one above.
#[test]
fn check_steps_max() {
    let doubling = legal(&json!({
        "$defs": { "t": { "anyOf": [
            { "properties": { "a": { "$ref": "#/$defs/t" } }, "required": ["never"] },
            { "properties": { "a": { "$ref": "#/$defs/t" } }, "required": ["never"] },
        ] } },
        "$ref": "#/$defs/t",
    }));
    assert!(too_much(&doubling, &deep(60)));
    // Text that an expensive pattern reads costs more steps.
    let schema = legal(&json!({ "properties": { "a": { "pattern": "(a|b){450}c" } } }));
    assert!(!too_much(&schema, &json!({ "a": "ab".repeat(5_000) })));
    assert!(too_much(&schema, &json!({ "a": "ab".repeat(100_000) })));
}

#[test]
fn quick_check_steps_max() {
    let schema = legal(&json!({ "properties": { "a": { "items": { "type": "integer" } } } }));
    let list = |items: u32| json!({ "a": vec![1; items as usize] });
    assert!(schema.validator.is_quickly_valid(&list(QUICK_CHECK_STEPS_MAX / 4)));
    assert!(!schema.validator.is_quickly_valid(&list(QUICK_CHECK_STEPS_MAX)));
    assert!(schema.validator.check(&list(QUICK_CHECK_STEPS_MAX)).is_ok());
    // An invalid payload is for `check` to explain.
    assert!(!schema.validator.is_quickly_valid(&json!({ "a": ["x"] })));
}

/// Finding all errors of these payloads would take too much memory.
#[test]
fn explain_steps_max() {
    let schema = legal(&json!({ "items": { "items": { "type": "integer" } }, "contains": { "const": 1 } }));
    let found = errors(&schema, &json!([vec!["x"; 30_000]]));
    assert_eq!(found.len(), PAYLOAD_ERRORS_SHOWN_MAX);
    let branch = json!({ "items": { "type": "integer" } });
    let costly = legal(&json!({ "anyOf": vec![branch; 400] }));
    assert!(too_much(&costly, &json!(vec!["x"; 100])));
}

fn deep(levels: u16) -> Value {
    (0..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

#[test]
fn check_depth_max() {
    let recursive = legal(&json!({ "properties": { "a": { "$ref": "#" } } }));
    assert!(recursive.validator.check(&deep(CHECK_DEPTH_MAX - 1)).is_ok());
    assert!(too_much(&recursive, &deep(CHECK_DEPTH_MAX)));
    let open = legal(&json!({ "properties": { "a": { "type": "object" } } }));
    assert!(open.validator.check(&deep(CHECK_DEPTH_MAX + 20)).is_ok());
}

/// A recursive schema whose longest chain has this many branches and references, made with one keyword.
fn chained(chain: usize, branch: fn(Value) -> Value) -> Value {
    let descend = json!({ "additionalProperties": { "$ref": "#" }, "required": ["a"] });
    (0..chain - 2).fold(descend, |inner, _| branch(inner))
}

#[test]
fn check_nesting_max() {
    let branch = |inner| json!({ "anyOf": [inner] });
    let within = |chain: usize| u16::try_from(CHECK_NESTING_MAX / chain).expect("few levels");
    for (chain, levels) in [(4, CHECK_DEPTH_MAX), (8, within(8)), (SCHEMA_CHAIN_MAX, within(SCHEMA_CHAIN_MAX))] {
        let schema = legal(&chained(chain, branch));
        assert!(!too_much(&schema, &deep(levels - 1)), "{chain}");
        assert!(too_much(&schema, &deep(levels)), "{chain}");
    }
}

/// The thread has half the stack of a usual one, and a test has no optimisation that saves stack.
#[test]
fn the_deepest_check_fits_the_stack() {
    let branches: [fn(Value) -> Value; 5] = [
        |inner| json!({ "anyOf": [inner, { "type": "string" }] }),
        |inner| json!({ "oneOf": [inner, { "type": "string" }] }),
        |inner| json!({ "allOf": [inner, {}] }),
        |inner| json!({ "if": {}, "then": inner }),
        |inner| json!({ "dependentSchemas": { "a": inner }, "required": ["a"] }),
    ];
    let levels = CHECK_NESTING_MAX / SCHEMA_CHAIN_MAX - 1;
    let payload = deep(levels.try_into().expect("few levels"));
    for branch in branches {
        let schema = chained(SCHEMA_CHAIN_MAX, branch);
        let payload = payload.clone();
        let check = move || assert!(legal(&schema).validator.check(&payload).is_err());
        thread::Builder::new().stack_size(1 << 20).spawn(check).expect("a thread").join().expect("no overflow");
    }
}

//! The rules of contract 6.3, and what a schema or a payload made to hurt cannot do.

use std::{sync::Arc, thread};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::limits::{
        CHECK_DEPTH_MAX, PAYLOAD_ERROR_CHARS_MAX, PAYLOAD_ERRORS_SHOWN_MAX, SCHEMA_CHAIN_MAX, SCHEMA_DEPTH_MAX,
        SCHEMA_EXPANSION_MAX, SCHEMA_PATTERN_BYTES_MAX, SCHEMA_PATTERN_PLACES_MAX, SCHEMA_PATTERNS_MAX,
        SCHEMA_PROPERTIES_MAX,
    },
    error::Code,
};

fn inspected(schema: &Value) -> Result<Schema> {
    inspect(&schema.to_string())
}

fn legal(schema: &Value) -> Schema {
    inspected(schema).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

fn code(schema: &Value) -> Code {
    inspected(schema).expect_err("refused").code()
}

/// Pointer and reason of a refusal to compile.
fn refusal(schema: &Value) -> (String, String) {
    let error = inspected(schema).expect_err("refused");
    assert_eq!(error.code(), Code::InvalidJsonSchema, "{error}");
    let details = error.details().expect("details");
    let text = |key: &str| details[key].as_str().expect("text").to_owned();
    (text("pointer"), text("reason"))
}

fn errors(schema: &Schema, payload: &Value) -> Vec<Value> {
    let error = schema.validator.check(payload).expect_err("invalid");
    assert_eq!(error.code(), Code::PayloadInvalid);
    error.details().expect("details")["errors"].as_array().expect("a list").clone()
}

/// The example of the platform's documentation.
fn example() -> Value {
    json!({
        "type": "object",
        "properties": {
            "propertyId": { "type": "string", "maxLength": 64 },
            "subjectId": { "type": "string", "maxLength": 64 },
            "favoritedAt": { "type": "string", "format": "date-time" },
        },
        "required": ["propertyId", "subjectId"],
        "additionalProperties": false,
    })
}

#[test]
fn the_documented_example_is_understood() {
    let schema = legal(&example());
    assert_eq!((schema.depth, schema.property_count, schema.flavour), (2, 3, Flavour::JsonSchema));
    assert_eq!(schema.hash, hash(&example()));
    let valid = json!({ "propertyId": "p_123", "subjectId": "sub_456", "favoritedAt": "2026-05-04T10:00:00Z" });
    assert!(schema.validator.check(&valid).is_ok());
    let found = errors(&schema, &json!({ "propertyId": 7, "favoritedAt": "yesterday", "more": 1 }));
    let at: Vec<_> = found.iter().map(|e| (&e["path"], &e["keyword"])).collect();
    for expected in
        [("/propertyId", "type"), ("/favoritedAt", "format"), ("", "required"), ("", "additionalProperties")]
    {
        let (path, keyword) = expected;
        assert!(at.iter().any(|at| at.0 == path && at.1 == keyword), "{expected:?} in {at:?}");
    }
}

#[test]
fn a_schema_is_a_json_object() {
    for text in ["", "{", "[]", "true", "null", "\"a\"", "{} {}"] {
        assert_eq!(inspect(text).expect_err("refused").code(), Code::InvalidJsonSchema, "{text:?}");
    }
}

#[test]
fn schema_text_bytes_max() {
    let padded = |bytes: usize| format!("{}{{}}", " ".repeat(bytes - 2));
    assert!(inspect(&padded(SCHEMA_TEXT_BYTES_MAX)).is_ok());
    assert_eq!(inspect(&padded(SCHEMA_TEXT_BYTES_MAX + 1)).expect_err("refused").code(), Code::InvalidJsonSchema);
}

/// A chain of `levels` schemas, each a step of `keyword` deeper than the one before.
fn nested(levels: usize, keyword: &str) -> Value {
    (1..levels).fold(json!({}), |inner, _| match keyword {
        "properties" => json!({ "properties": { "a": inner } }),
        "prefixItems" | "allOf" => json!({ keyword: [inner] }),
        _ => json!({ keyword: inner }),
    })
}

#[test]
fn schema_depth_max() {
    for keyword in ["properties", "items", "prefixItems"] {
        assert_eq!(legal(&nested(SCHEMA_DEPTH_MAX, keyword)).depth, 5, "{keyword}");
        assert_eq!(code(&nested(SCHEMA_DEPTH_MAX + 1, keyword)), Code::SchemaTooDeep, "{keyword}");
    }
    for keyword in ["allOf", "not", "additionalProperties", "contains"] {
        assert_eq!(legal(&nested(10, keyword)).depth, 1, "{keyword}");
    }
}

#[test]
fn depth_follows_references_once_around() {
    let list = json!({ "properties": { "value": {}, "next": { "$ref": "#" } } });
    assert_eq!(legal(&list).depth, 2);
    let split = json!({
        "properties": { "a": { "$ref": "#/$defs/a" } },
        "$defs": { "a": nested(SCHEMA_DEPTH_MAX, "properties"), "unused": nested(9, "items") },
    });
    assert_eq!(code(&split), Code::SchemaTooDeep);
}

#[test]
fn schema_properties_max() {
    let map = |count: usize| -> Value { (0..count).map(|i| (format!("p{i}"), json!({}))).collect() };
    assert_eq!(legal(&json!({ "properties": map(SCHEMA_PROPERTIES_MAX) })).property_count, 50);
    assert_eq!(code(&json!({ "properties": map(SCHEMA_PROPERTIES_MAX + 1) })), Code::SchemaTooWide);
    let spread = json!({
        "properties": map(10), "$defs": { "a": { "properties": map(10) } },
        "oneOf": [{ "properties": map(10) }, { "not": { "properties": map(10) } }],
        "if": { "items": { "properties": map(11) } },
    });
    assert_eq!(code(&spread), Code::SchemaTooWide);
    let shared = json!({
        "properties": { "a": { "$ref": "#/$defs/a" }, "b": { "$ref": "#/$defs/a" } },
        "$defs": { "a": { "properties": map(48) } },
    });
    assert_eq!(legal(&shared).property_count, 50);
}

#[test]
fn caps_are_judged_before_the_compiler() {
    let mut schema = nested(SCHEMA_DEPTH_MAX + 1, "properties");
    schema["type"] = json!("nonsense");
    schema["$ref"] = json!("https://example.com/");
    assert_eq!(code(&schema), Code::SchemaTooDeep);
}

#[test]
fn what_does_not_compile_says_where() {
    let (pointer, reason) = refusal(&json!({ "properties": { "a": { "type": "strnig" } } }));
    assert_eq!(pointer, "/properties/a/type", "{reason}");
    let (pointer, reason) = refusal(&json!({ "properties": { "a": { "pattern": "(" } } }));
    assert!(pointer.starts_with("/properties/a"), "{pointer}: {reason}");
    assert!(reason.contains("regular expression"), "{reason}");
}

#[test]
fn foreign_references_are_refused_and_never_fetched() {
    let outside =
        ["https://example.com/s.json", "http://127.0.0.1:1/", "file:///etc/passwd", "other", "#/$defs/none", "urn:x"];
    for reference in outside {
        for keyword in ["$ref", "$dynamicRef"] {
            let (pointer, reason) = refusal(&json!({ "properties": { "a": { keyword: reference } } }));
            assert_eq!(pointer, "/properties/a");
            assert!(reason.contains("not fetched"), "{reason}");
        }
    }
    refusal(&json!({ "properties": { "a": { "$id": "https://example.com/inner" } } }));
    refusal(&json!({ "$schema": "http://json-schema.org/draft-07/schema#" }));
    legal(&json!({ "$id": "https://example.com/s.json", "$schema": "https://json-schema.org/draft/2020-12/schema" }));
}

#[test]
fn formats_are_asserted_and_unknown_ones_ignored() {
    for (format, wrong) in [
        ("date-time", "x"),
        ("date", "x"),
        ("email", "x"),
        ("uuid", "x"),
        ("uri", "x"),
        ("ipv4", "x"),
        ("hostname", "-"),
    ] {
        let schema = legal(&json!({ "properties": { "a": { "format": format } } }));
        assert_eq!(errors(&schema, &json!({ "a": wrong }))[0]["keyword"], "format", "{format}");
    }
    assert!(
        legal(&json!({ "properties": { "a": { "format": "colour" } } })).validator.check(&json!({ "a": "x" })).is_ok()
    );
}

#[test]
fn nullable_adds_null_to_the_types_beside_it() {
    let schema = legal(&json!({ "properties": {
        "one": { "type": "string", "nullable": true },
        "several": { "type": ["string", "integer"], "nullable": true },
        "no": { "type": "string", "nullable": false },
        "nullable": { "type": "string" },
    } }));
    assert_eq!(schema.flavour, Flavour::OpenApi);
    assert!(schema.validator.check(&json!({ "one": null, "several": null })).is_ok());
    assert!(schema.validator.check(&json!({ "one": "a", "several": 1, "no": "b", "nullable": "c" })).is_ok());
    for wrong in [json!({ "one": 1 }), json!({ "no": null }), json!({ "nullable": null })] {
        assert!(schema.validator.check(&wrong).is_err(), "{wrong}");
    }
    let dialect = json!({ "$schema": "https://spec.openapis.org/oas/3.1/dialect/base", "type": "object" });
    assert_eq!(legal(&dialect).flavour, Flavour::OpenApi);
}

#[test]
fn payload_errors_shown_max() {
    let schema = legal(&json!({ "properties": { "list": { "items": { "type": "string" } } } }));
    assert_eq!(errors(&schema, &json!({ "list": vec![1; 1_000] })).len(), PAYLOAD_ERRORS_SHOWN_MAX);
}

#[test]
fn messages_are_short_and_repeat_no_values() {
    let schema = legal(&json!({
        "properties": { "a": { "type": "integer" }, "b": { "enum": [1] } },
        "propertyNames": { "maxLength": 100 }, "anyOf": [{ "required": ["c"] }], "additionalProperties": false,
    }));
    let long = "x".repeat(10_000);
    let found = errors(&schema, &json!({ "a": "secret", "b": { "deep": "secret" }, long: "secret" }));
    assert!(found.len() >= 4, "{found:?}");
    for error in &found {
        let message = error["message"].as_str().expect("text");
        assert!(message.chars().count() <= PAYLOAD_ERROR_CHARS_MAX + 1, "{message}");
        assert!(!error.to_string().contains("secret") && !message.contains("null "), "{error}");
    }
}

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
    assert_eq!(code(&chain(1_900)), Code::SchemaTooDeep);
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
fn patterns_end_at_their_limits() {
    let several = |count: usize| -> Value {
        json!({ "patternProperties": (0..count).map(|i| (format!("^p{i}$"), json!({}))).collect::<Value>() })
    };
    legal(&several(SCHEMA_PATTERNS_MAX));
    refusal(&several(SCHEMA_PATTERNS_MAX + 1));
    legal(&json!({ "pattern": "a".repeat(SCHEMA_PATTERN_BYTES_MAX) }));
    refusal(&json!({ "pattern": "a".repeat(SCHEMA_PATTERN_BYTES_MAX + 1) }));
    legal(&json!({ "pattern": format!("(ab){{{}}}", SCHEMA_PATTERN_PLACES_MAX / 2) }));
    refusal(&json!({ "pattern": format!("(ab){{{}}}", SCHEMA_PATTERN_PLACES_MAX / 2 + 1) }));
    // Fits by places; what it compiles to is larger than SCHEMA_PATTERN_COMPILED_BYTES_MAX.
    refusal(&json!({ "pattern": r"(\p{L}\p{N}){100}" }));
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
        assert_eq!(errors(&schema, &json!({ "a": text }))[0]["keyword"], "pattern", "{pattern}");
    }
}

fn too_much(schema: &Schema, payload: &Value) -> bool {
    let found = errors(schema, payload);
    found.len() == 1 && found[0]["keyword"] == ""
}

/// Each level is visited twice as often as the one above.
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
    // What an expensive pattern reads counts for more.
    let schema = legal(&json!({ "properties": { "a": { "pattern": "(a|b){450}c" } } }));
    assert!(!too_much(&schema, &json!({ "a": "ab".repeat(5_000) })));
    assert!(too_much(&schema, &json!({ "a": "ab".repeat(100_000) })));
}

/// Finding the violations would take more memory than is good.
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

/// Half the stack of a worker thread, and no optimisation that would spare it.
#[test]
fn the_deepest_check_fits_the_stack() {
    let branches = SCHEMA_CHAIN_MAX - 2;
    let descend = json!({ "additionalProperties": { "$ref": "#" }, "required": ["a"] });
    let schema = (0..branches).fold(descend, |inner, _| json!({ "anyOf": [inner, { "type": "string" }] }));
    let check = move || {
        let schema = legal(&schema);
        assert!(schema.validator.check(&deep(CHECK_DEPTH_MAX - 1)).is_err());
    };
    thread::Builder::new().stack_size(1 << 20).spawn(check).expect("a thread").join().expect("no overflow");
}

#[test]
fn a_validator_is_shared_between_threads() {
    let schema = Arc::new(legal(&example()).validator);
    let check = |schema: Arc<Validator>| thread::spawn(move || schema.check(&json!({})).is_err());
    let verdicts = [check(Arc::clone(&schema)), check(schema)].map(|thread| thread.join().expect("no panic"));
    assert_eq!(verdicts, [true, true]);
}

fn any_payload() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..30).prop_map(Value::from),
        (-2.0..2.0).prop_map(Value::from),
        "[ab1@.]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let members = proptest::collection::vec(("[abc]{1,2}", inner.clone()), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    /// Metering changes no verdict.
    #[test]
    fn verdicts_are_those_of_json_schema(payload in any_payload()) {
        for schema in [
            json!({ "type": ["object", "integer"], "required": ["a"], "maxProperties": 2 }),
            json!({ "properties": { "a": { "type": "string" } }, "additionalProperties": { "minimum": 0 } }),
            json!({ "items": { "type": "number" }, "uniqueItems": true, "minItems": 1 }),
            json!({ "prefixItems": [{ "const": 1 }], "items": false, "contains": { "enum": [1, "a", null] } }),
            json!({ "propertyNames": { "pattern": "^a" }, "patternProperties": { "b$": { "type": "null" } } }),
            json!({ "oneOf": [{ "type": "string", "minLength": 2 }, { "pattern": "a" }, { "type": "object" }] }),
            json!({ "anyOf": [{ "properties": { "a": true } }, { "items": true }], "unevaluatedProperties": false, "unevaluatedItems": false }),
            json!({ "if": { "required": ["a"] }, "then": { "required": ["b"] }, "else": { "not": { "type": "array" } } }),
            json!({ "additionalProperties": { "$ref": "#" }, "items": { "$dynamicRef": "#n" }, "$defs": { "n": { "$dynamicAnchor": "n", "type": "integer" } } }),
            json!({ "dependentRequired": { "a": ["b"] }, "dependentSchemas": { "b": { "minProperties": 2 } }, "multipleOf": 0.5 }),
        ] {
            let plain = jsonschema::draft202012::new(&schema).expect("compiles");
            let metered = legal(&schema).validator.check(&payload);
            prop_assert_eq!(metered.is_ok(), plain.is_valid(&payload), "{} {}", schema, payload);
            if let Err(error) = metered {
                let details = error.details().expect("details");
                let shown = details["errors"].as_array().expect("a list").len();
                prop_assert_eq!(shown, plain.iter_errors(&payload).count().min(PAYLOAD_ERRORS_SHOWN_MAX));
            }
        }
    }
}

//! Intake of schemas, and the verdicts of their validators.

mod hostile;

use std::{sync::Arc, thread};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    error::{Error, POINTER_CHARS_SHOWN, PayloadError},
    limits::{
        PAYLOAD_ERROR_CHARS_MAX, PAYLOAD_ERRORS_SHOWN_MAX, SCHEMA_DEPTH_MAX, SCHEMA_PROPERTIES_MAX,
        SCHEMA_TEXT_BYTES_MAX,
    },
    names::NAME_STANDS_TWICE,
};

fn inspected(schema: &Value) -> Result<Schema> {
    inspect(&schema.to_string())
}

fn legal(schema: &Value) -> Schema {
    inspected(schema).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

fn is_too_deep(schema: &Value) -> bool {
    matches!(inspected(schema), Err(Error::SchemaTooDeep { .. }))
}

fn is_too_wide(schema: &Value) -> bool {
    matches!(inspected(schema), Err(Error::SchemaTooWide { .. }))
}

/// Pointer and reason of a refusal to compile.
fn refusal(schema: &Value) -> (String, String) {
    match inspected(schema).expect_err("refused") {
        Error::SchemaInvalid { pointer, reason } => (pointer, reason),
        other => panic!("{other}"),
    }
}

fn errors(schema: &Schema, payload: &Value) -> Vec<PayloadError> {
    match schema.validator.check(payload).expect_err("invalid") {
        Error::PayloadInvalid { errors } => errors,
        other => panic!("{other}"),
    }
}

/// Fault 10: only the second `properties` counted.
#[test]
fn a_keyword_that_stands_twice_is_refused_with_its_place() {
    let twice = r#"{"type":"object","properties":{"a":{"type":"string"}},"properties":{"b":{"type":"string"}}}"#;
    let inside = r#"{"properties":{"a":{"items":[{"type":"string","type":"null"}]}}}"#;
    for (text, place) in [(twice, "/properties"), (inside, "/properties/a/items/0/type")] {
        let Err(Error::SchemaInvalid { pointer, reason }) = inspect(text) else { panic!("{text}") };
        assert_eq!((pointer.as_str(), reason.as_str()), (place, NAME_STANDS_TWICE));
    }
}

/// 2⁵³ + 1 is the first integer that no float is.
#[test]
fn payloads_are_compared_with_numbers_exactly() {
    const BEYOND: u64 = 9_007_199_254_740_993;
    for (schema, valid, invalid) in [
        (json!({ "const": BEYOND }), json!(BEYOND), json!(BEYOND - 1)),
        (json!({ "enum": [BEYOND, 7] }), json!(BEYOND), json!(9_007_199_254_740_992.0)),
        (json!({ "enum": [[BEYOND], "a"] }), json!([BEYOND]), json!([BEYOND - 1])),
        (json!({ "maximum": BEYOND - 1 }), json!(BEYOND - 1), json!(BEYOND)),
        (json!({ "minimum": BEYOND }), json!(BEYOND), json!(BEYOND - 1)),
        (json!({ "exclusiveMaximum": BEYOND }), json!(BEYOND - 1), json!(BEYOND)),
        (json!({ "multipleOf": 2 }), json!(BEYOND - 1), json!(BEYOND)),
        (json!({ "multipleOf": BEYOND }), json!(BEYOND), json!(BEYOND - 1)),
        (json!({ "multipleOf": 2.5 }), json!(9_007_199_254_740_995_u64), json!(BEYOND)),
        (json!({ "multipleOf": 0.01 }), json!(1_070_468.14), json!(0.001)),
        (json!({ "uniqueItems": true }), json!([BEYOND, BEYOND - 1]), json!([BEYOND, BEYOND])),
        (json!({ "uniqueItems": true }), json!((BEYOND..BEYOND + 40).collect::<Vec<_>>()), json!(vec![BEYOND; 40])),
    ] {
        let validator = legal(&schema).validator;
        assert!(validator.check(&valid).is_ok(), "{schema} {valid}");
        assert!(validator.check(&invalid).is_err(), "{schema} {invalid}");
    }
    let found = errors(&legal(&json!({ "properties": { "a": { "multipleOf": 2 } } })), &json!({ "a": 3 }));
    assert_eq!((found[0].path.as_str(), found[0].keyword.as_str()), ("/a", "multipleOf"));
    assert_eq!(found[0].message, "value is not a multiple of 2");
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
    assert_eq!((schema.depth, schema.property_count, schema.flavour), (1, 3, Flavour::JsonSchema));
    assert_eq!(schema.hash, canonical_hash(&example()));
    let valid = json!({ "propertyId": "p_123", "subjectId": "sub_456", "favoritedAt": "2026-05-04T10:00:00Z" });
    assert!(schema.validator.check(&valid).is_ok());
    let found = errors(&schema, &json!({ "propertyId": 7, "favoritedAt": "yesterday", "more": 1 }));
    let at: Vec<_> = found.iter().map(|error| (error.path.as_str(), error.keyword.as_str())).collect();
    for expected in
        [("/propertyId", "type"), ("/favoritedAt", "format"), ("", "required"), ("", "additionalProperties")]
    {
        assert!(at.contains(&expected), "{expected:?} in {at:?}");
    }
}

#[test]
fn a_schema_is_a_json_object() {
    for text in ["", "{", "[]", "true", "null", "\"a\"", "{} {}"] {
        assert!(matches!(inspect(text), Err(Error::SchemaInvalid { .. })), "{text:?}");
    }
}

#[test]
fn schema_text_bytes_max() {
    let padded = |bytes: usize| format!("{}{{}}", " ".repeat(bytes - 2));
    assert!(inspect(&padded(SCHEMA_TEXT_BYTES_MAX)).is_ok());
    assert!(matches!(inspect(&padded(SCHEMA_TEXT_BYTES_MAX + 1)), Err(Error::SchemaInvalid { .. })));
}

/// A chain of `levels` schemas, each a step of `keyword` deeper than the one before.
fn nested(levels: usize, keyword: &str) -> Value {
    (1..levels).fold(json!({}), |inner, _| match keyword {
        "properties" => json!({ "properties": { "a": inner } }),
        "prefixItems" | "allOf" => json!({ keyword: [inner] }),
        _ => json!({ keyword: inner }),
    })
}

/// Pointer and reason of a refusal because of a cap.
fn beyond(schema: &Value) -> (String, String) {
    match inspected(schema).expect_err("refused") {
        Error::SchemaTooDeep { pointer, reason } | Error::SchemaTooWide { pointer, reason } => (pointer, reason),
        other => panic!("{other}"),
    }
}

#[test]
fn schema_depth_max() {
    for keyword in ["properties", "items", "prefixItems", "additionalProperties", "contains"] {
        // The innermost schema is one of a scalar.
        assert_eq!(legal(&nested(SCHEMA_DEPTH_MAX + 1, keyword)).depth, 5, "{keyword}");
        assert!(is_too_deep(&nested(SCHEMA_DEPTH_MAX + 2, keyword)), "{keyword}");
    }
    for keyword in ["allOf", "not", "propertyNames"] {
        assert_eq!(legal(&nested(10, keyword)).depth, 1, "{keyword}");
    }
    let (pointer, reason) = beyond(&nested(SCHEMA_DEPTH_MAX + 2, "properties"));
    assert_eq!(pointer, "/properties/a".repeat(SCHEMA_DEPTH_MAX));
    assert_eq!(reason, "the schema has 6 levels, more than 5");
}

#[test]
fn scalars_are_no_level() {
    let scalars =
        json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": { "enum": [1] }, "c": {} } });
    assert_eq!(legal(&scalars).depth, 1);
    let list = json!({ "properties": { "a": { "type": "array", "items": { "type": "string" } } } });
    assert_eq!(legal(&list).depth, 2);
    let empty = json!({ "properties": { "a": { "type": ["object", "null"] } } });
    assert_eq!(legal(&empty).depth, 2);
    assert_eq!(legal(&json!({})).depth, 1);
    let branches =
        json!({ "type": "object", "anyOf": [{ "properties": { "a": { "items": {} } } }, { "required": ["b"] }] });
    assert_eq!(legal(&branches).depth, 2);
}

#[test]
fn caps_are_the_callers_choice() {
    let deep = nested(SCHEMA_DEPTH_MAX + 2, "items").to_string();
    let wide = json!({ "properties": map(SCHEMA_PROPERTIES_MAX + 1) }).to_string();
    for text in [&deep, &wide] {
        assert!(inspect(text).is_err() && inspect_within(text, Caps::NONE).is_ok());
    }
    let caps = Caps { depth_max: 6, properties_max: 51 };
    assert_eq!(inspect_within(&deep, caps).expect("legal").depth, 6);
    assert_eq!(inspect_within(&wide, caps).expect("legal").property_count, 51);
    assert!(inspect_within(&deep, Caps { depth_max: 5, ..caps }).is_err());
}

#[test]
fn depth_follows_references_once_around() {
    let list = json!({ "properties": { "value": {}, "next": { "$ref": "#" } } });
    assert_eq!(legal(&list).depth, 1);
    let split = json!({
        "properties": { "a": { "$ref": "#/$defs/a" } },
        "$defs": { "a": nested(SCHEMA_DEPTH_MAX + 1, "properties"), "unused": nested(9, "items") },
    });
    assert_eq!(beyond(&split).0, format!("/$defs/a{}", "/properties/a".repeat(SCHEMA_DEPTH_MAX - 1)));
}

fn map(count: usize) -> Value {
    (0..count).map(|i| (format!("p{i}"), json!({}))).collect()
}

#[test]
fn schema_properties_max() {
    assert_eq!(legal(&json!({ "properties": map(SCHEMA_PROPERTIES_MAX) })).property_count, 50);
    assert!(is_too_wide(&json!({ "properties": map(SCHEMA_PROPERTIES_MAX + 1) })));
    let inside = json!({ "properties": { "a": { "properties": map(SCHEMA_PROPERTIES_MAX) } } });
    let reason = "the schema declares 51 properties, more than 50".to_owned();
    assert_eq!(beyond(&inside), ("/properties/a/properties".to_owned(), reason));
    let spread = json!({
        "properties": map(10), "$defs": { "a": { "properties": map(10) } },
        "oneOf": [{ "properties": map(10) }, { "not": { "properties": map(10) } }],
        "if": { "items": { "properties": map(11) } },
    });
    assert!(is_too_wide(&spread));
    let shared = json!({
        "properties": { "a": { "$ref": "#/$defs/a" }, "b": { "$ref": "#/$defs/a" } },
        "$defs": { "a": { "properties": map(48) } },
    });
    assert_eq!(legal(&shared).property_count, 50);
}

#[test]
fn caps_are_judged_before_the_compiler() {
    let mut schema = nested(SCHEMA_DEPTH_MAX + 2, "properties");
    schema["title"] = json!("t");
    schema["minLength"] = json!("nonsense");
    schema["$ref"] = json!("https://example.com/");
    assert!(is_too_deep(&schema));
}

#[test]
fn what_does_not_compile_says_where() {
    let (pointer, reason) = refusal(&json!({ "properties": { "a": { "type": "strnig" } } }));
    assert_eq!(pointer, "/properties/a/type", "{reason}");
    let (pointer, _) = refusal(&json!({ "properties": { "n".repeat(10_000): { "type": "strnig" } } }));
    assert_eq!(pointer.chars().count(), POINTER_CHARS_SHOWN + 1);
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
        assert_eq!(errors(&schema, &json!({ "a": wrong }))[0].keyword, "format", "{format}");
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
fn a_refused_name_is_named() {
    let schema = legal(&json!({ "propertyNames": { "pattern": "^[a-z]+$" } }));
    let found = errors(&schema, &json!({ "good": 1, "Bad": 2 }));
    let [PayloadError { path, keyword, message }] = &found[..] else { panic!("{found:?}") };
    assert_eq!((path.as_str(), keyword.as_str()), ("", "propertyNames"));
    assert_eq!(message, r#""Bad" does not match "^[a-z]+$""#);
}

/// Messages are shortened, and repeat no value of the payload.
#[test]
fn payload_error_chars_max() {
    let schema = legal(&json!({
        "properties": { "a": { "type": "integer" }, "b": { "enum": [1] } },
        "propertyNames": { "maxLength": 100 }, "anyOf": [{ "required": ["c"] }], "additionalProperties": false,
    }));
    let long = "x".repeat(10_000);
    let found = errors(&schema, &json!({ "a": "secret", "b": { "deep": "secret" }, long: "secret" }));
    assert!(found.len() >= 4, "{found:?}");
    for PayloadError { path, message, .. } in &found {
        assert!(message.chars().count() <= PAYLOAD_ERROR_CHARS_MAX + 1, "{message}");
        assert!(!path.contains("secret") && !message.contains("secret") && !message.contains("null "), "{message}");
    }
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
                let Error::PayloadInvalid { errors } = error else { panic!("{error}") };
                prop_assert_eq!(errors.len(), plain.iter_errors(&payload).count().min(PAYLOAD_ERRORS_SHOWN_MAX));
            }
        }
    }
}

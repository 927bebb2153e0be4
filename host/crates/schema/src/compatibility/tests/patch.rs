//! Tests of `is_patch_equal`: a patch changes descriptions and nothing else.

use serde_json::{Value, json};

use super::super::is_patch_equal;

fn equal(old: &Value, new: &Value) -> bool {
    is_patch_equal(&old.to_string(), &new.to_string()).expect("two schemas")
}

/// A schema that holds `inner`, for every keyword that holds subschemas.
fn places(inner: &Value) -> Vec<Value> {
    let one = [
        "not",
        "if",
        "then",
        "else",
        "items",
        "additionalProperties",
        "unevaluatedProperties",
        "unevaluatedItems",
        "propertyNames",
        "contains",
        "contentSchema",
    ];
    let list = ["allOf", "anyOf", "oneOf", "prefixItems"];
    let map = ["properties", "patternProperties", "dependentSchemas", "$defs"];
    let one = one.into_iter().map(|keyword| json!({ "title": "t", keyword: inner }));
    let list = list.into_iter().map(|keyword| json!({ "title": "t", keyword: [true, inner] }));
    let map = map.into_iter().map(|keyword| json!({ "title": "t", keyword: { "a/b~c": inner } }));
    one.chain(list).chain(map).chain([inner.clone()]).collect()
}

#[test]
fn a_description_is_no_difference_wherever_it_stands() {
    let (with, without) = (json!({ "type": "string", "description": "a" }), json!({ "type": "string" }));
    for (with, without) in places(&with).iter().zip(places(&without)) {
        assert!(equal(with, &without), "{with}");
        assert!(equal(&without, with), "{with}");
    }
    for (with, without) in places(&json!({ "anyOf": [with] })).iter().zip(places(&json!({ "anyOf": [without] }))) {
        assert!(equal(with, &without), "two levels down: {with}");
    }
}

#[test]
fn any_other_keyword_is_a_difference_wherever_it_stands() {
    let plain = json!({ "type": "string" });
    for (keyword, value) in [
        ("title", json!("a")),
        ("default", json!("a")),
        ("examples", json!(["a"])),
        ("$comment", json!("a")),
        ("deprecated", json!(true)),
        ("readOnly", json!(true)),
        ("x-vendor", json!({ "description": "a" })),
        ("maxLength", json!(9)),
        ("example", json!("a")),
    ] {
        let other = json!({ "type": "string", keyword: value });
        for (plain, other) in places(&plain).iter().zip(places(&other)) {
            assert!(!equal(plain, &other), "{other}");
            assert!(!equal(&other, plain), "{other}");
        }
    }
}

/// Not every `description` is a keyword.
#[test]
fn what_is_only_called_description_is_a_difference() {
    for (old, new) in [
        (json!({ "properties": { "description": { "type": "string" } } }), json!({ "properties": {} })),
        (json!({ "properties": { "description": true } }), json!({ "properties": { "description": false } })),
        (json!({ "patternProperties": { "description": {} } }), json!({ "patternProperties": {} })),
        (json!({ "$defs": { "description": { "type": "string" } } }), json!({ "$defs": {} })),
        (json!({ "dependentSchemas": { "description": {} } }), json!({ "dependentSchemas": {} })),
        (json!({ "dependentRequired": { "description": ["a"] } }), json!({ "dependentRequired": {} })),
        (json!({ "required": ["description"] }), json!({ "required": [] })),
        (json!({ "const": { "description": "a" } }), json!({ "const": {} })),
        (json!({ "enum": [{ "description": "a" }] }), json!({ "enum": [{}] })),
        (json!({ "default": { "description": "a" } }), json!({ "default": {} })),
        (json!({ "examples": [{ "description": "a" }] }), json!({ "examples": [{}] })),
        (json!({ "x-vendor": { "description": "a" } }), json!({ "x-vendor": {} })),
    ] {
        assert!(!equal(&old, &new), "{old}");
        assert!(equal(&old, &old), "{old}");
    }
    let described = json!({ "properties": { "description": { "type": "string", "description": "a" } } });
    assert!(equal(&described, &json!({ "properties": { "description": { "type": "string" } } })));
}

#[test]
fn spelling_is_no_difference() {
    for (old, new) in [
        (r#"{"type":"number","minimum":1}"#, r#"{ "minimum": 1.0, "type": "number" }"#),
        (r#"{"maximum":100}"#, r#"{"maximum":1e2}"#),
        (r#"{"properties":{"a":{},"b":true}}"#, r#"{"properties":{"b":true,"a":{}}}"#),
        (r#"{"const":"a"}"#, r#"{"const":"\u0061"}"#),
    ] {
        assert!(is_patch_equal(old, new).expect("two schemas"), "{old} {new}");
    }
}

/// Rewording a schema is no patch, even if its meaning stays the same.
#[test]
fn the_same_meaning_in_other_words_is_a_difference() {
    for (old, new) in [
        (json!({ "required": ["a", "b"] }), json!({ "required": ["b", "a"] })),
        (json!({ "type": "string" }), json!({ "type": ["string"] })),
        (json!({ "enum": [1, 2] }), json!({ "enum": [2, 1] })),
        (json!({ "items": true }), json!({ "items": {} })),
        (json!({ "minLength": 0 }), json!({})),
        (json!({ "const": "a" }), json!({ "const": "A" })),
        (json!({ "const": 1 }), json!({ "const": "1" })),
        (json!({ "allOf": [{ "type": "string" }] }), json!({ "type": "string" })),
    ] {
        assert!(!equal(&old, &new), "{old} {new}");
    }
}

//! Boolean schemas, and schemas that accept or refuse everything.

use serde_json::json;

use super::{Row, accept, accept_unless_strict, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    vec![
        accept(
            "true becomes an empty schema",
            json!({ "properties": { "a": true } }),
            json!({ "properties": { "a": {} } }),
        ),
        accept("an empty schema becomes true", json!({ "items": {} }), json!({ "items": true })),
        accept(
            "false becomes not",
            json!({ "properties": { "a": false } }),
            json!({ "properties": { "a": { "not": {} } } }),
        ),
        accept("not becomes false", json!({ "items": { "not": true } }), json!({ "items": false })),
        refuse(
            "a member becomes false",
            json!({ "properties": { "a": true } }),
            json!({ "properties": { "a": false } }),
            json!({ "a": 1 }),
        ),
        accept("whatever follows a schema that takes nothing", json!({ "not": {} }), json!({ "type": "string" })),
        refuse("nothing is taken any more", json!({}), json!({ "not": {} }), json!(null)),
        accept(
            "an impossible type",
            json!({ "allOf": [{ "type": "string" }, { "type": "integer" }] }),
            json!({ "enum": [1] }),
        ),
        accept("an impossible range", json!({ "type": "number", "minimum": 2, "maximum": 1 }), json!({ "const": "x" })),
        accept(
            "an impossible length",
            json!({ "type": "string", "minLength": 2, "maxLength": 1 }),
            json!({ "const": 1 }),
        ),
        accept(
            "false in an anyOf says nothing",
            json!({ "type": "string" }),
            json!({ "anyOf": [{ "type": "string" }, false] }),
        ),
        accept(
            "true in an anyOf says all",
            json!({ "type": "string" }),
            json!({ "anyOf": [{ "type": "integer" }, true] }),
        ),
        refuse(
            "false in an allOf refuses all",
            json!({ "type": "string" }),
            json!({ "allOf": [true, false] }),
            json!(""),
        ),
        accept(
            "the empty pattern of an impossible member",
            json!({ "patternProperties": { "^a": false } }),
            json!({ "properties": { "a": false, "ab": false } }),
        ),
        refuse(
            "an array may no longer have elements",
            json!({ "type": "array" }),
            json!({ "type": "array", "items": false }),
            json!([1]),
        ),
        accept_unless_strict(
            "true becomes a description of an object",
            json!({ "properties": { "data": { "type": ["object"] } } }),
            json!({ "properties": { "data": { "type": "object", "properties": { "a": false } } } }),
            json!({ "data": { "a": 1 } }),
        ),
    ]
}

#[test]
fn boolean_schemas() {
    check(&rows());
}

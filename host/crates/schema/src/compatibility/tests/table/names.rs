//! `propertyNames`.

use serde_json::json;

use super::{Row, accept, accept_unless_strict, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    let map =
        |names: serde_json::Value| json!({ "propertyNames": names, "additionalProperties": { "type": "integer" } });
    vec![
        accept("names may be longer", map(json!({ "maxLength": 3 })), map(json!({ "maxLength": 9 }))),
        refuse(
            "names must be shorter",
            map(json!({ "maxLength": 9 })),
            map(json!({ "maxLength": 3 })),
            json!({ "abcd": 1 }),
        ),
        refuse(
            "names get a pattern",
            json!({ "additionalProperties": { "type": "integer" } }),
            map(json!({ "pattern": "^[a-z]+$" })),
            json!({ "A": 1 }),
        ),
        accept("names lose a pattern", map(json!({ "pattern": "^[a-z]+$" })), map(json!({}))),
        accept(
            "declared names fit the rule that comes",
            json!({ "properties": { "id": true, "at": true }, "additionalProperties": false }),
            json!({ "properties": { "id": true, "at": true }, "additionalProperties": false, "propertyNames": { "pattern": "^[a-z]+$" } }),
        ),
        accept_unless_strict(
            "declared names of an open object fit the rule that comes",
            json!({ "properties": { "id": true } }),
            json!({ "properties": { "id": true }, "propertyNames": { "pattern": "^[a-z]+$" } }),
            json!({ "A": 1 }),
        ),
        refuse(
            "a declared name does not fit the rule that comes",
            json!({ "properties": { "id": true, "createdAt": true } }),
            json!({ "properties": { "id": true, "createdAt": true }, "propertyNames": { "pattern": "^[a-z]+$" } }),
            json!({ "createdAt": 1 }),
        ),
        accept(
            "listed names become declared ones",
            json!({ "propertyNames": { "enum": ["a", "b"] } }),
            json!({ "properties": { "a": true, "b": true }, "additionalProperties": false }),
        ),
        accept(
            "declared names become listed ones",
            json!({ "properties": { "a": true, "b": true }, "additionalProperties": false }),
            json!({ "propertyNames": { "enum": ["a", "b"] } }),
        ),
        refuse(
            "a name is taken from the list",
            json!({ "properties": { "a": true, "b": true }, "propertyNames": { "enum": ["a", "b"] } }),
            json!({ "propertyNames": { "enum": ["a"] } }),
            json!({ "b": 1 }),
        ),
        accept(
            "no names, no members",
            json!({ "type": "object", "propertyNames": false }),
            json!({ "type": "object", "maxProperties": 0 }),
        ),
        accept("names are texts", map(json!(true)), map(json!({ "type": "string" }))),
        accept(
            "two names leave at most two members",
            json!({ "propertyNames": { "enum": ["a", "b"] } }),
            json!({ "maxProperties": 2 }),
        ),
        refuse(
            "names of a map of three become names of two",
            map(json!({ "enum": ["de", "fr", "it"] })),
            map(json!({ "enum": ["de", "fr"] })),
            json!({ "it": 1 }),
        ),
        accept(
            "a rule for names closes what a pattern opens",
            json!({ "propertyNames": { "pattern": "^x-" }, "additionalProperties": { "type": "string" } }),
            json!({ "patternProperties": { "^x-": { "type": "string" } }, "additionalProperties": false }),
        ),
    ]
}

#[test]
fn property_names() {
    check(&rows());
}

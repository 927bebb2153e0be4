//! `nullable` of OpenAPI, which adds null to the types beside it and has no effect without a type.

use serde_json::json;

use super::{Row, accept, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    vec![
        accept("nullable comes", json!({ "type": "string" }), json!({ "type": "string", "nullable": true })),
        refuse(
            "nullable goes",
            json!({ "type": "string", "nullable": true }),
            json!({ "type": "string" }),
            json!(null),
        ),
        refuse(
            "nullable becomes false",
            json!({ "type": "string", "nullable": true }),
            json!({ "type": "string", "nullable": false }),
            json!(null),
        ),
        accept(
            "nullable becomes a type",
            json!({ "type": "string", "nullable": true }),
            json!({ "type": ["string", "null"] }),
        ),
        accept(
            "a type becomes nullable",
            json!({ "type": ["null", "string"] }),
            json!({ "type": "string", "nullable": true }),
        ),
        accept(
            "nullable without a type says nothing",
            json!({ "maxLength": 3 }),
            json!({ "maxLength": 3, "nullable": false }),
        ),
        accept(
            "nullable without a type says nothing either way",
            json!({ "maxLength": 3, "nullable": true }),
            json!({ "maxLength": 3 }),
        ),
        refuse(
            "nullable adds null to no list of values",
            json!({ "type": "string", "nullable": true }),
            json!({ "type": "string", "nullable": true, "enum": ["a"] }),
            json!(null),
        ),
        accept(
            "a nullable list of values drops the null that its type forbids",
            json!({ "type": "string", "enum": ["a", null] }),
            json!({ "type": "string", "enum": ["a"] }),
        ),
        refuse(
            "a nullable list of values drops null",
            json!({ "type": "string", "nullable": true, "enum": ["a", null] }),
            json!({ "type": "string", "nullable": true, "enum": ["a"] }),
            json!(null),
        ),
        accept(
            "a member called nullable is a member",
            json!({ "type": "object", "properties": { "nullable": { "type": "boolean" } } }),
            json!({ "type": "object", "properties": { "nullable": { "type": ["boolean", "null"] } } }),
        ),
        refuse(
            "a nullable member of a component becomes required to be something",
            json!({ "properties": { "a": { "$ref": "#/$defs/a" } }, "$defs": { "a": { "type": "object", "nullable": true } } }),
            json!({ "properties": { "a": { "$ref": "#/$defs/a" } }, "$defs": { "a": { "type": "object" } } }),
            json!({ "a": null }),
        ),
    ]
}

#[test]
fn nullable() {
    check(&rows());
}

//! `type`.

use serde_json::json;

use super::{Row, accept, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    vec![
        accept("an integer may be any number", json!({ "type": "integer" }), json!({ "type": "number" })),
        refuse("a number must be whole", json!({ "type": "number" }), json!({ "type": "integer" }), json!(1.5)),
        accept(
            "a number beside an integer says nothing more",
            json!({ "type": ["integer", "number"] }),
            json!({ "type": "number" }),
        ),
        accept(
            "an integer beside a number says nothing more",
            json!({ "type": "number" }),
            json!({ "type": ["number", "integer"] }),
        ),
        accept("a text may be null", json!({ "type": "string" }), json!({ "type": ["string", "null"] })),
        refuse("null is taken back", json!({ "type": ["string", "null"] }), json!({ "type": "string" }), json!(null)),
        accept("a list of one type", json!({ "type": "string" }), json!({ "type": ["string"] })),
        accept("types in another order", json!({ "type": ["string", "null"] }), json!({ "type": ["null", "string"] })),
        accept("the type is dropped", json!({ "type": "string" }), json!({})),
        refuse("a type is added", json!({}), json!({ "type": "string" }), json!(1)),
        refuse("a text becomes a number", json!({ "type": "string" }), json!({ "type": "number" }), json!("a")),
        refuse("a boolean becomes a text", json!({ "type": "boolean" }), json!({ "type": "string" }), json!(true)),
        refuse("one becomes a list", json!({ "type": "string" }), json!({ "type": "array" }), json!("a")),
        accept(
            "all types spelled out are no type",
            json!({}),
            json!({ "type": ["null", "boolean", "number", "string", "array", "object"] }),
        ),
        refuse(
            "all types but integers of a number",
            json!({}),
            json!({ "type": ["null", "boolean", "integer", "string", "array", "object"] }),
            json!(0.5),
        ),
        accept(
            "a keyword of texts does not touch numbers",
            json!({ "type": "number" }),
            json!({ "type": ["number", "string"], "maxLength": 3 }),
        ),
        accept(
            "keywords of other types are dropped",
            json!({ "type": "integer", "maxLength": 1, "required": ["a"], "minItems": 9 }),
            json!({ "type": "integer" }),
        ),
        accept(
            "keywords of other types are added",
            json!({ "type": "integer" }),
            json!({ "type": "integer", "pattern": "^a", "additionalProperties": false, "maxItems": 0 }),
        ),
        refuse(
            "a member's type is narrowed, deep down",
            json!({ "properties": { "a": { "properties": { "b": { "type": ["integer", "string"] } } } } }),
            json!({ "properties": { "a": { "properties": { "b": { "type": "integer" } } } } }),
            json!({ "a": { "b": "x" } }),
        ),
        accept(
            "two types as two branches",
            json!({ "type": ["integer", "string"] }),
            json!({ "anyOf": [{ "type": "integer" }, { "type": "string" }] }),
        ),
        accept(
            "two branches as two types",
            json!({ "oneOf": [{ "type": "integer" }, { "type": "string" }] }),
            json!({ "type": ["string", "integer"] }),
        ),
    ]
}

#[test]
fn types() {
    check(&rows());
}

//! `dependentRequired` and `dependentSchemas`.

use serde_json::json;

use super::{Row, accept, accept_unless_strict, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    let ab = || json!({ "a": { "type": "integer" }, "b": { "type": "integer" } });
    vec![
        accept(
            "a dependency goes",
            json!({ "properties": ab(), "dependentRequired": { "a": ["b"] } }),
            json!({ "properties": ab() }),
        ),
        refuse(
            "a dependency comes",
            json!({ "properties": ab() }),
            json!({ "properties": ab(), "dependentRequired": { "a": ["b"] } }),
            json!({ "a": 1 }),
        ),
        accept(
            "a dependency on what is required anyway",
            json!({ "type": "object", "properties": ab(), "required": ["b"] }),
            json!({ "type": "object", "properties": ab(), "required": ["b"], "dependentRequired": { "a": ["b"] } }),
        ),
        accept(
            "a requirement becomes a dependency",
            json!({ "type": "object", "properties": ab(), "required": ["b"] }),
            json!({ "type": "object", "properties": ab(), "dependentRequired": { "a": ["b"] } }),
        ),
        accept(
            "a dependency of what is always there is a requirement",
            json!({ "type": "object", "properties": ab(), "required": ["a"], "dependentRequired": { "a": ["b"] } }),
            json!({ "type": "object", "properties": ab(), "required": ["a", "b"] }),
        ),
        refuse(
            "a dependency becomes a requirement",
            json!({ "type": "object", "properties": ab(), "dependentRequired": { "a": ["b"] } }),
            json!({ "type": "object", "properties": ab(), "required": ["b"] }),
            json!({}),
        ),
        refuse(
            "a dependency is turned around",
            json!({ "properties": ab(), "dependentRequired": { "a": ["b"] } }),
            json!({ "properties": ab(), "dependentRequired": { "b": ["a"] } }),
            json!({ "b": 1 }),
        ),
        accept_unless_strict(
            "a dependency of an undeclared member",
            json!({ "properties": ab() }),
            json!({ "properties": ab(), "dependentRequired": { "c": ["a"] } }),
            json!({ "c": 1 }),
        ),
        accept(
            "a dependency of a forbidden member",
            json!({ "properties": ab(), "additionalProperties": false }),
            json!({ "properties": ab(), "additionalProperties": false, "dependentRequired": { "c": ["a"] } }),
        ),
        accept(
            "dependencies follow one another",
            json!({ "properties": { "a": true, "b": true, "c": true }, "dependentRequired": { "a": ["b"], "b": ["c"] } }),
            json!({ "properties": { "a": true, "b": true, "c": true }, "dependentRequired": { "a": ["b", "c"] } }),
        ),
        accept(
            "a dependency as a schema",
            json!({ "properties": ab(), "dependentRequired": { "a": ["b"] } }),
            json!({ "properties": ab(), "dependentSchemas": { "a": { "required": ["b"] } } }),
        ),
        accept(
            "a schema as a dependency",
            json!({ "properties": ab(), "dependentSchemas": { "a": { "required": ["b"] } } }),
            json!({ "properties": ab(), "dependentRequired": { "a": ["b"] } }),
        ),
        accept(
            "a dependent schema takes more",
            json!({ "properties": ab(), "dependentSchemas": { "a": { "properties": { "b": { "minimum": 2 } } } } }),
            json!({ "properties": ab(), "dependentSchemas": { "a": { "properties": { "b": { "minimum": 1 } } } } }),
        ),
        refuse(
            "a dependent schema takes less",
            json!({ "properties": ab(), "dependentSchemas": { "a": { "properties": { "b": { "minimum": 1 } } } } }),
            json!({ "properties": ab(), "dependentSchemas": { "a": { "properties": { "b": { "minimum": 2 } } } } }),
            json!({ "a": 1, "b": 1 }),
        ),
        refuse(
            "a member and its dependent get into each other's way",
            json!({ "properties": ab() }),
            json!({ "properties": ab(), "dependentSchemas": { "a": { "properties": { "b": false } } } }),
            json!({ "a": 1, "b": 1 }),
        ),
        refuse(
            "a card needs its address now",
            json!({ "type": "object", "properties": { "card": { "type": "string" }, "address": { "type": "string" } }, "required": ["card"] }),
            json!({
                "type": "object", "properties": { "card": { "type": "string" }, "address": { "type": "string" } },
                "required": ["card"], "dependentRequired": { "card": ["address"] },
            }),
            json!({ "card": "1" }),
        ),
    ]
}

#[test]
fn dependent_keywords() {
    check(&rows());
}

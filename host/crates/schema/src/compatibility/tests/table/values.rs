//! `enum` and `const`.

use serde_json::json;

use super::{Row, accept, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    vec![
        accept("a value is added", json!({ "enum": ["new", "paid"] }), json!({ "enum": ["new", "paid", "sent"] })),
        refuse("a value is removed", json!({ "enum": ["new", "paid"] }), json!({ "enum": ["new"] }), json!("paid")),
        refuse(
            "a value is renamed",
            json!({ "enum": ["new", "paid"] }),
            json!({ "enum": ["new", "PAID"] }),
            json!("paid"),
        ),
        accept("values in another order", json!({ "enum": ["a", "b"] }), json!({ "enum": ["b", "a"] })),
        accept("a constant becomes a list", json!({ "const": "a" }), json!({ "enum": ["a", "b"] })),
        accept("a list of one becomes a constant", json!({ "enum": ["a"] }), json!({ "const": "a" })),
        refuse("a list becomes a constant", json!({ "enum": ["a", "b"] }), json!({ "const": "a" }), json!("b")),
        refuse("a constant changes", json!({ "const": 1 }), json!({ "const": 2 }), json!(1)),
        accept("a number in another spelling", json!({ "const": 1 }), json!({ "const": 1.0 })),
        accept("a list becomes a type", json!({ "enum": ["a", "b"] }), json!({ "type": "string" })),
        refuse(
            "a list becomes a type that one is not of",
            json!({ "enum": ["a", 1] }),
            json!({ "type": "string" }),
            json!(1),
        ),
        refuse("a type becomes a list", json!({ "type": "string" }), json!({ "enum": ["a", "b"] }), json!("")),
        accept("both booleans are the type", json!({ "type": "boolean" }), json!({ "enum": [true, false] })),
        accept("the type is both booleans", json!({ "enum": [true, false] }), json!({ "type": "boolean" })),
        refuse("one boolean is not the type", json!({ "type": "boolean" }), json!({ "const": true }), json!(false)),
        accept("null is the only one of its type", json!({ "type": "null" }), json!({ "const": null })),
        accept(
            "values that other keywords refuse are dropped",
            json!({ "type": "string", "enum": ["a", 1, null], "maxLength": 1 }),
            json!({ "const": "a" }),
        ),
        accept(
            "objects as values",
            json!({ "const": { "a": 1, "b": [2] } }),
            json!({ "enum": [{ "b": [2.0], "a": 1 }, 7] }),
        ),
        refuse(
            "an object as a value changes",
            json!({ "properties": { "a": true }, "enum": [{ "a": 1 }] }),
            json!({ "enum": [{ "a": 2 }] }),
            json!({ "a": 1 }),
        ),
        accept(
            "an object as a value becomes a description of it",
            json!({ "const": { "a": 1 } }),
            json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["a"] }),
        ),
        refuse(
            "an object as a value breaks a description of it",
            json!({ "const": { "a": "x" }, "properties": { "a": true } }),
            json!({ "type": "object", "properties": { "a": { "type": "integer" } } }),
            json!({ "a": "x" }),
        ),
        accept(
            "a list becomes branches",
            json!({ "enum": ["a", "b"] }),
            json!({ "oneOf": [{ "const": "a" }, { "const": "b" }] }),
        ),
        accept(
            "branches with titles become a list",
            json!({ "oneOf": [{ "const": "a", "title": "A" }, { "const": "b", "title": "B" }] }),
            json!({ "enum": ["a", "b"] }),
        ),
        accept(
            "one value is the same twice",
            json!({ "allOf": [{ "enum": ["a", "b"] }, { "enum": ["b", "c"] }] }),
            json!({ "const": "b" }),
        ),
        accept(
            "a list within a pattern",
            json!({ "enum": ["EUR", "USD"] }),
            json!({ "type": "string", "pattern": "^[A-Z]{3}$" }),
        ),
        accept(
            "a list within bounds",
            json!({ "enum": [1, 2, 3.5] }),
            json!({ "type": "number", "minimum": 1, "maximum": 3.5 }),
        ),
        refuse("a list beyond bounds", json!({ "enum": [1, 2, 3.5] }), json!({ "maximum": 3 }), json!(3.5)),
        accept(
            "an array as a value",
            json!({ "const": [1, 2] }),
            json!({ "type": "array", "items": { "type": "integer" }, "maxItems": 2 }),
        ),
        refuse(
            "a status of an order is retired",
            json!({ "type": "object", "properties": { "status": { "enum": ["open", "closed", "void"] } }, "required": ["status"] }),
            json!({ "type": "object", "properties": { "status": { "enum": ["open", "closed"] } }, "required": ["status"] }),
            json!({ "status": "void" }),
        ),
    ]
}

#[test]
fn values() {
    check(&rows());
}

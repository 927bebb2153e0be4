//! `if`, `then` and `else`.

use serde_json::{Value, json};

use super::{Row, accept, accept_unless_strict, check, refuse};

/// An address whose code depends on its country.
fn address(then: &Value, or_else: &Value) -> Value {
    json!({
        "type": "object",
        "properties": { "country": { "type": "string" }, "code": { "type": "string" } },
        "required": ["country"],
        "if": { "properties": { "country": { "const": "CH" } } },
        "then": then,
        "else": or_else,
    })
}

pub(super) fn rows() -> Vec<Row> {
    let digits = || json!({ "properties": { "code": { "pattern": "^[0-9]{4}$" } } });
    let letters = || json!({ "properties": { "code": { "pattern": "^[0-9]{4,5}$" } } });
    let open = || json!({});
    vec![
        accept("then takes more", address(&digits(), &open()), address(&letters(), &open())),
        refuse(
            "then takes less",
            address(&letters(), &open()),
            address(&digits(), &open()),
            json!({ "country": "CH", "code": "12345" }),
        ),
        accept("else takes more", address(&open(), &digits()), address(&open(), &letters())),
        refuse(
            "else takes less",
            address(&open(), &letters()),
            address(&open(), &digits()),
            json!({ "country": "", "code": "12345" }),
        ),
        accept("then goes", address(&digits(), &open()), address(&open(), &open())),
        refuse(
            "then comes",
            address(&open(), &open()),
            address(&digits(), &open()),
            json!({ "country": "CH", "code": "" }),
        ),
        refuse(
            "then and else change places",
            address(&digits(), &letters()),
            address(&letters(), &digits()),
            json!({ "country": "", "code": "12345" }),
        ),
        accept(
            "then becomes what holds anyway",
            address(&digits(), &digits()),
            json!({
                "type": "object",
                "properties": { "country": { "type": "string" }, "code": { "pattern": "^[0-9]{4}$" } },
                "required": ["country"],
            }),
        ),
        accept("an if alone says nothing", json!({ "if": { "type": "string" } }), json!({})),
        accept("a then alone says nothing", json!({}), json!({ "then": { "type": "string" }, "else": false })),
        refuse(
            "a condition holds more often",
            json!({ "type": "integer", "if": { "minimum": 10 }, "then": { "multipleOf": 10 } }),
            json!({ "type": "integer", "if": { "minimum": 5 }, "then": { "multipleOf": 10 } }),
            json!(5),
        ),
        accept(
            "a condition holds less often",
            json!({ "type": "integer", "if": { "minimum": 5 }, "then": { "multipleOf": 10 } }),
            json!({ "type": "integer", "if": { "minimum": 10 }, "then": { "multipleOf": 10 } }),
        ),
        accept(
            "a condition as branches",
            json!({ "if": { "type": "string" }, "then": { "maxLength": 3 }, "else": { "type": "integer" } }),
            json!({ "anyOf": [{ "type": "string", "maxLength": 3 }, { "type": "integer" }] }),
        ),
        accept(
            "branches as a condition",
            json!({ "anyOf": [{ "type": "string", "maxLength": 3 }, { "type": "integer" }] }),
            json!({ "if": { "type": "string" }, "then": { "maxLength": 3 }, "else": { "type": "integer" } }),
        ),
        accept(
            "a condition that always holds",
            json!({ "type": "string", "maxLength": 3 }),
            json!({ "if": { "type": "string" }, "then": { "maxLength": 3 }, "else": false }),
        ),
        accept(
            "a new status has rules of its own",
            json!({ "type": "object", "properties": { "status": { "enum": ["open", "paid"] } }, "required": ["status"], "additionalProperties": false }),
            json!({
                "type": "object", "properties": { "status": { "enum": ["open", "paid", "void"] }, "reason": { "type": "string" } },
                "required": ["status"], "additionalProperties": false,
                "if": { "properties": { "status": { "const": "void" } } }, "then": { "required": ["reason"] },
            }),
        ),
        accept_unless_strict(
            "a condition on an undeclared member",
            json!({ "type": "object", "properties": { "a": { "type": "integer" } } }),
            json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "if": { "required": ["b"] }, "then": { "required": ["a"] } }),
            json!({ "b": 1 }),
        ),
        accept(
            "a condition on presence is a dependency",
            json!({ "properties": { "a": true, "b": true }, "dependentRequired": { "a": ["b"] } }),
            json!({ "properties": { "a": true, "b": true }, "if": { "type": "object", "required": ["a"] }, "then": { "required": ["b"] } }),
        ),
        refuse(
            "a paid order needs its time",
            json!({
                "type": "object", "required": ["status"],
                "properties": { "status": { "enum": ["open", "paid"] }, "paidAt": { "type": "string" } },
            }),
            json!({
                "type": "object", "required": ["status"],
                "properties": { "status": { "enum": ["open", "paid"] }, "paidAt": { "type": "string" } },
                "if": { "properties": { "status": { "const": "paid" } } }, "then": { "required": ["paidAt"] },
            }),
            json!({ "status": "paid" }),
        ),
    ]
}

#[test]
fn conditionals() {
    check(&rows());
}

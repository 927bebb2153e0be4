//! `properties`, `required`, `minProperties` and `maxProperties`.

use serde_json::json;

use super::{Row, accept, accept_unless_strict, beyond_reach, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    let ab = || json!({ "a": { "type": "integer" }, "b": { "type": "string" } });
    vec![
        accept(
            "a required member becomes optional",
            json!({ "type": "object", "properties": ab(), "required": ["a", "b"] }),
            json!({ "type": "object", "properties": ab(), "required": ["a"] }),
        ),
        refuse(
            "an optional member becomes required",
            json!({ "type": "object", "properties": ab(), "required": ["a"] }),
            json!({ "type": "object", "properties": ab(), "required": ["a", "b"] }),
            json!({ "a": 1 }),
        ),
        accept(
            "required names in another order",
            json!({ "properties": ab(), "required": ["a", "b"] }),
            json!({ "properties": ab(), "required": ["b", "a"] }),
        ),
        refuse(
            "a member of an open object is renamed",
            json!({ "type": "object", "properties": { "mail": { "type": "string" } }, "required": ["mail"] }),
            json!({ "type": "object", "properties": { "email": { "type": "string" } }, "required": ["email"] }),
            json!({ "mail": "" }),
        ),
        accept_unless_strict(
            "an optional member of an open object is renamed",
            json!({ "type": "object", "properties": { "mail": { "type": "string" } } }),
            json!({ "type": "object", "properties": { "email": { "type": "string" } } }),
            json!({ "email": 1 }),
        ),
        refuse(
            "an optional member of a closed object is renamed",
            json!({ "type": "object", "properties": { "mail": { "type": "string" } }, "additionalProperties": false }),
            json!({ "type": "object", "properties": { "email": { "type": "string" } }, "additionalProperties": false }),
            json!({ "mail": "" }),
        ),
        accept_unless_strict(
            "a free-form member gets declared members",
            json!({ "properties": { "data": { "type": "object" } } }),
            json!({ "properties": { "data": { "type": "object", "properties": { "a": { "type": "string" } } } } }),
            json!({ "data": { "a": 1 } }),
        ),
        refuse(
            "a free-form member gets a required member",
            json!({ "properties": { "data": { "type": "object" } } }),
            json!({ "properties": { "data": { "type": "object", "required": ["a"] } } }),
            json!({ "data": {} }),
        ),
        refuse(
            "any member becomes an object",
            json!({ "properties": { "data": {} } }),
            json!({ "properties": { "data": { "type": "object" } } }),
            json!({ "data": 1 }),
        ),
        accept(
            "an object that need not be one",
            json!({ "type": "object", "properties": ab() }),
            json!({ "properties": ab() }),
        ),
        refuse(
            "what need not be an object must be",
            json!({ "properties": ab() }),
            json!({ "type": "object", "properties": ab() }),
            json!(1),
        ),
        accept_unless_strict(
            "an open object is limited to as many members as it declares",
            json!({ "properties": ab() }),
            json!({ "properties": ab(), "maxProperties": 2 }),
            json!({ "a": 1, "b": "", "c": 1 }),
        ),
        refuse(
            "an open object is limited to fewer members than it declares",
            json!({ "properties": ab() }),
            json!({ "properties": ab(), "maxProperties": 1 }),
            json!({ "a": 1, "b": "" }),
        ),
        accept(
            "two required members are at least two members",
            json!({ "type": "object", "properties": ab(), "required": ["a", "b"] }),
            json!({ "type": "object", "minProperties": 2 }),
        ),
        refuse(
            "one required member is not two members",
            json!({ "type": "object", "properties": ab(), "required": ["a"] }),
            json!({ "type": "object", "properties": ab(), "minProperties": 2 }),
            json!({ "a": 1 }),
        ),
        accept(
            "at least two of two members means both",
            json!({ "type": "object", "properties": ab(), "additionalProperties": false, "minProperties": 2 }),
            json!({ "type": "object", "required": ["a", "b"] }),
        ),
        refuse(
            "at least one of two members means no particular one",
            json!({ "type": "object", "properties": ab(), "additionalProperties": false, "minProperties": 1 }),
            json!({ "type": "object", "required": ["a"] }),
            json!({ "b": "" }),
        ),
        beyond_reach(
            "no members, written in two ways",
            json!({ "type": "object", "maxProperties": 0 }),
            json!({ "type": "object", "additionalProperties": false }),
            "no bound on the number of members is turned into a rule for their names",
        ),
        accept(
            "minProperties lowered",
            json!({ "properties": ab(), "minProperties": 2 }),
            json!({ "properties": ab(), "minProperties": 1 }),
        ),
        accept(
            "minProperties of nothing",
            json!({ "properties": ab() }),
            json!({ "properties": ab(), "minProperties": 0 }),
        ),
        accept_unless_strict(
            "a required member that nothing declares gets a type",
            json!({ "type": "object", "properties": { "a": true } }),
            json!({ "type": "object", "properties": { "a": true, "b": { "maxLength": 1 } } }),
            json!({ "b": "long" }),
        ),
        refuse(
            "a member is forbidden",
            json!({ "type": "object", "properties": ab() }),
            json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": false } }),
            json!({ "b": "" }),
        ),
        accept(
            "a forbidden member is allowed",
            json!({ "type": "object", "properties": { "a": false } }),
            json!({ "type": "object", "properties": { "a": true } }),
        ),
        refuse(
            "a nested member becomes required, three levels down",
            json!({ "properties": { "a": { "properties": { "b": { "type": "object", "properties": { "c": { "type": "string" } } } } } } }),
            json!({ "properties": { "a": { "properties": { "b": { "type": "object", "properties": { "c": { "type": "string" } }, "required": ["c"] } } } } }),
            json!({ "a": { "b": {} } }),
        ),
        accept(
            "an impossible required member makes everything legal",
            json!({ "type": "object", "properties": { "a": false }, "required": ["a"] }),
            json!({ "type": "string" }),
        ),
        refuse(
            "a member with two changes, one of them breaking",
            json!({ "type": "object", "properties": { "a": { "type": "integer", "minimum": 1, "maximum": 5 } } }),
            json!({ "type": "object", "properties": { "a": { "type": "integer", "minimum": 2, "maximum": 9 } } }),
            json!({ "a": 1 }),
        ),
        refuse(
            "a name with a slash and a tilde becomes required",
            json!({ "type": "object", "properties": { "a/b~c": { "type": "string" } } }),
            json!({ "type": "object", "properties": { "a/b~c": { "type": "string" } }, "required": ["a/b~c"] }),
            json!({}),
        ),
    ]
}

#[test]
fn objects() {
    check(&rows());
}

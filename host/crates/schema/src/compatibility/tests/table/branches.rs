//! `allOf`, `anyOf`, `oneOf` and `not`.

use serde_json::{Value, json};

use super::{Row, accept, accept_unless_strict, beyond_reach, check, refuse};

/// An object that the constant of its member `kind` identifies.
fn variant(kind: &str, member: &str) -> Value {
    json!({ "type": "object", "properties": { "kind": { "const": kind }, member: { "type": "string" } }, "required": ["kind", member] })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = unions();
    rows.extend(intersections_and_negations());
    rows
}

fn unions() -> Vec<Row> {
    let text = || json!({ "type": "string" });
    let integer = || json!({ "type": "integer" });
    vec![
        accept("a branch comes", json!({ "anyOf": [text()] }), json!({ "anyOf": [text(), integer()] })),
        refuse("a branch goes", json!({ "anyOf": [text(), integer()] }), json!({ "anyOf": [text()] }), json!(1)),
        accept(
            "branches in another order",
            json!({ "anyOf": [text(), integer()] }),
            json!({ "anyOf": [integer(), text()] }),
        ),
        accept(
            "a branch of a oneOf comes that meets no other",
            json!({ "oneOf": [text()] }),
            json!({ "oneOf": [text(), integer()] }),
        ),
        refuse(
            "a branch of a oneOf comes that meets another",
            json!({ "oneOf": [{ "type": "integer", "maximum": 10 }] }),
            json!({ "oneOf": [{ "type": "integer", "maximum": 10 }, { "type": "integer", "minimum": 10 }] }),
            json!(10),
        ),
        accept(
            "oneOf becomes anyOf",
            json!({ "oneOf": [{ "maximum": 5 }, { "minimum": 3 }] }),
            json!({ "anyOf": [{ "maximum": 5 }, { "minimum": 3 }] }),
        ),
        refuse(
            "anyOf becomes oneOf",
            json!({ "anyOf": [{ "maximum": 5 }, { "minimum": 3 }] }),
            json!({ "oneOf": [{ "maximum": 5 }, { "minimum": 3 }] }),
            json!(3),
        ),
        accept(
            "anyOf of strangers becomes oneOf",
            json!({ "anyOf": [text(), integer()] }),
            json!({ "oneOf": [integer(), text()] }),
        ),
        refuse(
            "two branches of a oneOf come to overlap",
            json!({ "oneOf": [{ "type": "integer", "maximum": 4 }, { "type": "integer", "minimum": 5 }] }),
            json!({ "oneOf": [{ "type": "integer", "maximum": 5 }, { "type": "integer", "minimum": 5 }] }),
            json!(5),
        ),
        accept(
            "a discriminated union gains a branch",
            json!({ "oneOf": [variant("a", "x"), variant("b", "y")] }),
            json!({ "oneOf": [variant("a", "x"), variant("b", "y"), variant("c", "z")] }),
        ),
        refuse(
            "a discriminated union loses a branch",
            json!({ "oneOf": [variant("a", "x"), variant("b", "y")] }),
            json!({ "oneOf": [variant("a", "x")] }),
            json!({ "kind": "b", "y": "" }),
        ),
        refuse(
            "a branch of a discriminated union has another constant",
            json!({ "oneOf": [variant("a", "x"), variant("b", "y")] }),
            json!({ "oneOf": [variant("a", "x"), variant("c", "y")] }),
            json!({ "kind": "b", "y": "" }),
        ),
        accept_unless_strict(
            "a branch of a discriminated union gains an optional member",
            json!({ "oneOf": [variant("a", "x"), variant("b", "y")] }),
            json!({ "oneOf": [variant("a", "x"), {
                "type": "object", "required": ["kind", "y"],
                "properties": { "kind": { "const": "b" }, "y": { "type": "string" }, "more": { "type": "string" } },
            }] }),
            json!({ "kind": "b", "y": "", "more": 1 }),
        ),
        refuse(
            "a branch of a discriminated union requires more",
            json!({ "oneOf": [variant("a", "x"), { "type": "object", "required": ["kind"], "properties": { "kind": { "const": "b" }, "y": { "type": "string" } } }] }),
            json!({ "oneOf": [variant("a", "x"), variant("b", "y")] }),
            json!({ "kind": "b" }),
        ),
        accept("one schema becomes one of two", text(), json!({ "oneOf": [text(), integer()] })),
        accept(
            "a range as two halves",
            json!({ "type": "integer", "minimum": 0 }),
            json!({ "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 9 }, { "type": "integer", "minimum": 10 }] }),
        ),
        refuse(
            "a range of numbers as two halves with a gap",
            json!({ "type": "number", "minimum": 0 }),
            json!({ "anyOf": [{ "type": "number", "minimum": 0, "maximum": 9 }, { "type": "number", "minimum": 10 }] }),
            json!(9.5),
        ),
        accept(
            "a member's two types as two kinds of object",
            json!({ "type": "object", "properties": { "a": { "type": ["integer", "string"] } }, "required": ["a"] }),
            json!({ "anyOf": [
                { "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["a"] },
                { "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] },
            ] }),
        ),
        refuse(
            "two members' two types as two kinds of object",
            json!({ "type": "object", "properties": { "a": { "type": ["integer", "string"] }, "b": { "type": ["integer", "string"] } } }),
            json!({ "anyOf": [
                { "type": "object", "properties": { "a": { "type": "integer" }, "b": { "type": "integer" } } },
                { "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } } },
            ] }),
            json!({ "a": 1, "b": "x" }),
        ),
        accept(
            "a branch that another contains goes",
            json!({ "anyOf": [{ "type": "number" }, integer()] }),
            json!({ "type": "number" }),
        ),
        refuse("the same branch twice in a oneOf", text(), json!({ "oneOf": [text(), text()] }), json!("")),
        refuse(
            "one of two members becomes exactly one of them",
            json!({ "type": "object", "properties": { "mail": text(), "phone": text() }, "anyOf": [{ "required": ["mail"] }, { "required": ["phone"] }] }),
            json!({ "type": "object", "properties": { "mail": text(), "phone": text() }, "oneOf": [{ "required": ["mail"] }, { "required": ["phone"] }] }),
            json!({ "mail": "", "phone": "" }),
        ),
        accept(
            "exactly one of two members becomes one at least",
            json!({ "type": "object", "properties": { "mail": text(), "phone": text() }, "oneOf": [{ "required": ["mail"] }, { "required": ["phone"] }] }),
            json!({ "type": "object", "properties": { "mail": text(), "phone": text() }, "minProperties": 1 }),
        ),
    ]
}

fn intersections_and_negations() -> Vec<Row> {
    let text = || json!({ "type": "string" });
    vec![
        accept(
            "a schema moves into an allOf",
            json!({ "type": "string", "maxLength": 3 }),
            json!({ "allOf": [text(), { "maxLength": 3 }] }),
        ),
        accept(
            "an allOf is written out",
            json!({ "allOf": [text(), { "maxLength": 3 }] }),
            json!({ "type": "string", "maxLength": 3 }),
        ),
        accept(
            "a part of an allOf goes",
            json!({ "allOf": [text(), { "maxLength": 3 }] }),
            json!({ "allOf": [text()] }),
        ),
        refuse(
            "a part of an allOf comes",
            json!({ "allOf": [text()] }),
            json!({ "allOf": [text(), { "maxLength": 3 }] }),
            json!("abcd"),
        ),
        accept(
            "members move into an allOf",
            json!({ "type": "object", "properties": { "a": text(), "b": text() }, "required": ["a", "b"] }),
            json!({ "type": "object", "allOf": [{ "properties": { "a": text() }, "required": ["a"] }, { "properties": { "b": text() }, "required": ["b"] }] }),
        ),
        refuse(
            "members of a closed object move into an allOf of closed ones",
            json!({ "properties": { "a": text(), "b": text() }, "additionalProperties": false }),
            json!({ "allOf": [
                { "properties": { "a": text() }, "additionalProperties": false },
                { "properties": { "b": text() }, "additionalProperties": false },
            ] }),
            json!({ "a": "" }),
        ),
        accept("not of not", json!({ "not": { "not": text() } }), text()),
        accept("into not of not", text(), json!({ "not": { "not": text() } })),
        accept(
            "not takes more when what it negates takes less",
            json!({ "not": { "type": ["string", "null"] } }),
            json!({ "not": text() }),
        ),
        refuse(
            "not takes less when what it negates takes more",
            json!({ "not": text() }),
            json!({ "not": { "type": ["string", "null"] } }),
            json!(null),
        ),
        refuse("a value is forbidden", text(), json!({ "type": "string", "not": { "const": "root" } }), json!("root")),
        accept("a forbidden value is allowed", json!({ "type": "string", "not": { "const": "root" } }), text()),
        accept(
            "a value that was forbidden anyway",
            json!({ "type": "string", "maxLength": 3 }),
            json!({ "type": "string", "maxLength": 3, "not": { "const": "root" } }),
        ),
        accept(
            "not a member is a member that is false",
            json!({ "type": "object", "not": { "required": ["a"] } }),
            json!({ "type": "object", "properties": { "a": false } }),
        ),
        refuse(
            "two members exclude one another",
            json!({ "type": "object", "properties": { "a": text(), "b": text() } }),
            json!({ "type": "object", "properties": { "a": text(), "b": text() }, "not": { "required": ["a", "b"] } }),
            json!({ "a": "", "b": "" }),
        ),
        accept(
            "a bound as a negation",
            json!({ "type": "number", "minimum": 5 }),
            json!({ "type": "number", "not": { "exclusiveMaximum": 5 } }),
        ),
        beyond_reach(
            "a negation as a bound",
            json!({ "type": "number", "not": { "exclusiveMaximum": 5 } }),
            json!({ "type": "number", "minimum": 5 }),
            "what a negated bound says of other types is not combined with the type beside it",
        ),
        accept(
            "a list less one value",
            json!({ "enum": ["a", "b", "c"], "not": { "const": "b" } }),
            json!({ "enum": ["a", "c"] }),
        ),
        accept(
            "not one of both is neither",
            json!({ "not": { "anyOf": [text(), { "type": "null" }] } }),
            json!({ "allOf": [{ "not": text() }, { "not": { "type": "null" } }] }),
        ),
        accept(
            "neither is not one of both",
            json!({ "allOf": [{ "not": text() }, { "not": { "type": "null" } }] }),
            json!({ "not": { "type": ["null", "string"] } }),
        ),
        refuse(
            "not of an array that contains",
            json!({ "type": "array", "items": { "enum": [1, 2] } }),
            json!({ "type": "array", "items": { "enum": [1, 2] }, "not": { "contains": { "const": 2 } } }),
            json!([2]),
        ),
    ]
}

#[test]
fn combined_schemas() {
    check(&rows());
}

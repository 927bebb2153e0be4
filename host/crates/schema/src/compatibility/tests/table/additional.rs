//! `additionalProperties` and `unevaluatedProperties`.

use serde_json::json;

use super::{Row, accept, accept_unless_strict, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    let id = || json!({ "id": { "type": "string" } });
    vec![
        refuse(
            "members that no keyword speaks about are no longer let through",
            json!({ "type": "object", "unevaluatedProperties": { "type": "string" } }),
            json!({ "type": "object", "unevaluatedProperties": false }),
            json!({ "extra": "" }),
        ),
        refuse(
            "the same beside branches that evaluate some",
            json!({ "type": "object", "anyOf": [{ "properties": { "a": { "type": "integer" } }, "required": ["a"] }, { "properties": { "b": { "type": "integer" } } }], "unevaluatedProperties": { "type": "string" } }),
            json!({ "type": "object", "anyOf": [{ "properties": { "a": { "type": "integer" } }, "required": ["a"] }, { "properties": { "b": { "type": "integer" } } }], "unevaluatedProperties": { "type": "string", "maxLength": 3 } }),
            json!({ "other": "long" }),
        ),
        accept(
            "a closed object is opened",
            json!({ "properties": id(), "additionalProperties": false }),
            json!({ "properties": id() }),
        ),
        accept_unless_strict(
            "an open object is closed",
            json!({ "properties": id() }),
            json!({ "properties": id(), "additionalProperties": false }),
            json!({ "more": 1 }),
        ),
        accept_unless_strict(
            "an object that says it is open is closed",
            json!({ "properties": id(), "additionalProperties": true }),
            json!({ "properties": id(), "additionalProperties": false }),
            json!({ "more": 1 }),
        ),
        refuse(
            "a map is closed",
            json!({ "properties": id(), "additionalProperties": { "type": "integer" } }),
            json!({ "properties": id(), "additionalProperties": false }),
            json!({ "more": 1 }),
        ),
        accept(
            "the values of a map take more",
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "additionalProperties": { "type": ["integer", "string"] } }),
        ),
        refuse(
            "the values of a map take less",
            json!({ "additionalProperties": { "type": ["integer", "string"] } }),
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "any": "a" }),
        ),
        accept_unless_strict(
            "an open object becomes a map",
            json!({ "properties": id() }),
            json!({ "properties": id(), "additionalProperties": { "type": "integer" } }),
            json!({ "more": "a" }),
        ),
        accept(
            "a map becomes an open object",
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "additionalProperties": true }),
        ),
        refuse(
            "a member of a map is declared with another type",
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "properties": { "total": { "type": "string" } }, "additionalProperties": { "type": "integer" } }),
            json!({ "total": 1 }),
        ),
        accept(
            "a member of a map is declared with the same type",
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "properties": { "total": { "type": "integer" } }, "additionalProperties": { "type": "integer" } }),
        ),
        refuse(
            "a declared member falls to the schema for the rest",
            json!({ "properties": { "total": { "type": "string" } }, "additionalProperties": { "type": "integer" } }),
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "total": "a" }),
        ),
        accept(
            "closed one way is closed the other",
            json!({ "properties": id(), "additionalProperties": false }),
            json!({ "properties": id(), "unevaluatedProperties": false }),
        ),
        accept(
            "closed the other way is closed one way",
            json!({ "properties": id(), "unevaluatedProperties": false }),
            json!({ "properties": id(), "additionalProperties": false }),
        ),
        refuse(
            "additionalProperties do not see what an allOf declares",
            json!({ "allOf": [{ "properties": id() }], "unevaluatedProperties": false }),
            json!({ "allOf": [{ "properties": id() }], "additionalProperties": false }),
            json!({ "id": "" }),
        ),
        accept(
            "unevaluatedProperties see what an allOf declares",
            json!({ "properties": id(), "additionalProperties": false }),
            json!({ "allOf": [{ "properties": id() }], "unevaluatedProperties": false }),
        ),
        accept(
            "a base and its extension, closed together, gain a member",
            json!({
                "allOf": [{ "$ref": "#/$defs/base" }], "properties": { "a": { "type": "integer" } },
                "unevaluatedProperties": false, "$defs": { "base": { "properties": id() } },
            }),
            json!({
                "allOf": [{ "$ref": "#/$defs/base" }], "properties": { "a": { "type": "integer" } },
                "unevaluatedProperties": false, "$defs": { "base": { "properties": { "id": { "type": "string" }, "at": true } } },
            }),
        ),
        refuse(
            "a base of a closed extension loses a member",
            json!({ "$ref": "#/$defs/base", "unevaluatedProperties": false, "$defs": { "base": { "properties": { "id": true, "at": true } } } }),
            json!({ "$ref": "#/$defs/base", "unevaluatedProperties": false, "$defs": { "base": { "properties": { "id": true } } } }),
            json!({ "at": 1 }),
        ),
        refuse(
            "a branch that declared a member of a closed object goes",
            json!({ "anyOf": [{ "properties": { "a": { "type": "integer" } } }, { "properties": { "b": true } }], "unevaluatedProperties": false }),
            json!({ "anyOf": [{ "properties": { "a": { "type": "integer" } } }], "unevaluatedProperties": false }),
            json!({ "b": 1 }),
        ),
        accept(
            "a branch of a closed object comes",
            json!({ "anyOf": [{ "properties": { "a": { "type": "integer" } }, "required": ["a"] }], "unevaluatedProperties": false }),
            json!({
                "anyOf": [
                    { "properties": { "a": { "type": "integer" } }, "required": ["a"] },
                    { "properties": { "b": true }, "required": ["b"] },
                ],
                "unevaluatedProperties": false,
            }),
        ),
        accept(
            "unevaluated members of any type become of any type but named",
            json!({ "properties": id(), "unevaluatedProperties": { "type": "string" } }),
            json!({ "properties": id(), "additionalProperties": { "type": "string" } }),
        ),
        accept(
            "unevaluatedProperties beside additionalProperties have nothing to do",
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "additionalProperties": { "type": "integer" }, "unevaluatedProperties": false }),
        ),
        refuse(
            "a closed object loses what its condition declares",
            json!({ "if": { "properties": { "kind": { "const": 1 } }, "required": ["kind"] }, "unevaluatedProperties": false }),
            json!({ "unevaluatedProperties": false }),
            json!({ "kind": 1 }),
        ),
        accept_unless_strict(
            "an open nested object is closed",
            json!({ "properties": { "address": { "properties": { "zip": { "type": "string" } } } } }),
            json!({ "properties": { "address": { "properties": { "zip": { "type": "string" } }, "additionalProperties": false } } }),
            json!({ "address": { "city": "Bern" } }),
        ),
        refuse(
            "unevaluated members take less",
            json!({ "properties": id(), "unevaluatedProperties": { "type": ["string", "null"] } }),
            json!({ "properties": id(), "unevaluatedProperties": { "type": "string" } }),
            json!({ "more": null }),
        ),
    ]
}

#[test]
fn additional_and_unevaluated_properties() {
    check(&rows());
}

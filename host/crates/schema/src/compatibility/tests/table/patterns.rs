//! `patternProperties`.

use serde_json::json;

use super::{Row, accept, accept_unless_strict, beyond_reach, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    let integer = || json!({ "type": "integer" });
    let number = || json!({ "type": "number" });
    vec![
        accept(
            "the members of a pattern take more",
            json!({ "patternProperties": { "^x-": integer() } }),
            json!({ "patternProperties": { "^x-": number() } }),
        ),
        refuse(
            "the members of a pattern take less",
            json!({ "patternProperties": { "^x-": number() } }),
            json!({ "patternProperties": { "^x-": integer() } }),
            json!({ "x-a": 0.5 }),
        ),
        accept_unless_strict(
            "a pattern is added to an open object",
            json!({ "properties": { "id": integer() } }),
            json!({ "properties": { "id": integer() }, "patternProperties": { "^x-": integer() } }),
            json!({ "x-": "a" }),
        ),
        refuse(
            "a pattern is added that catches a declared member",
            json!({ "properties": { "id": number() } }),
            json!({ "properties": { "id": number() }, "patternProperties": { "d$": integer() } }),
            json!({ "id": 0.5 }),
        ),
        accept(
            "a pattern is added to a closed object",
            json!({ "properties": { "id": integer() }, "additionalProperties": false }),
            json!({ "properties": { "id": integer() }, "patternProperties": { "^x-": integer() }, "additionalProperties": false }),
        ),
        refuse(
            "a pattern of a closed object is removed",
            json!({ "properties": { "id": integer() }, "patternProperties": { "^x-": integer() }, "additionalProperties": false }),
            json!({ "properties": { "id": integer() }, "additionalProperties": false }),
            json!({ "x-": 1 }),
        ),
        accept(
            "a pattern of an open object is removed",
            json!({ "patternProperties": { "^x-": integer() } }),
            json!({}),
        ),
        accept(
            "a pattern of a closed object matches more names",
            json!({ "patternProperties": { "^x-[a-z]+$": integer() }, "additionalProperties": false }),
            json!({ "patternProperties": { "^x-": integer() }, "additionalProperties": false }),
        ),
        refuse(
            "a pattern of a closed object matches fewer names",
            json!({ "patternProperties": { "^x-": integer() }, "additionalProperties": false }),
            json!({ "patternProperties": { "^x-[a-z]+$": integer() }, "additionalProperties": false }),
            json!({ "x-1": 1 }),
        ),
        accept_unless_strict(
            "a pattern of an open object matches more names",
            json!({ "patternProperties": { "^x-": integer() } }),
            json!({ "patternProperties": { "^x": integer() } }),
            json!({ "x": "a" }),
        ),
        accept(
            "one pattern is split into two",
            json!({ "patternProperties": { "^[ab]_": integer() } }),
            json!({ "patternProperties": { "^a_": integer(), "^b_": integer() } }),
        ),
        accept(
            "two patterns are joined into one",
            json!({ "patternProperties": { "^a_": integer(), "^b_": integer() }, "additionalProperties": false }),
            json!({ "patternProperties": { "^(a|b)_": integer() }, "additionalProperties": false }),
        ),
        refuse(
            "two patterns are joined into one that lacks names",
            json!({ "patternProperties": { "^a_": integer(), "^b_": integer() }, "additionalProperties": false }),
            json!({ "patternProperties": { "^a_": integer(), "^b_x": integer() }, "additionalProperties": false }),
            json!({ "b_": 1 }),
        ),
        accept(
            "a named member becomes one of a pattern",
            json!({ "properties": { "x_1": integer(), "x_2": integer() }, "additionalProperties": false }),
            json!({ "patternProperties": { r"^x_\d$": integer() }, "additionalProperties": false }),
        ),
        beyond_reach(
            "a pattern of few names becomes named members",
            json!({ "patternProperties": { "^x_[12]$": integer() }, "additionalProperties": false }),
            json!({ "properties": { "x_1": integer(), "x_2": integer() }, "additionalProperties": false }),
            "the texts that a pattern takes are not listed",
        ),
        accept(
            "where two patterns meet, both hold",
            json!({ "patternProperties": { "^a": number(), "b$": { "type": "integer", "minimum": 0 } } }),
            json!({ "patternProperties": { "^a.*b$": { "type": "integer", "minimum": 0 } } }),
        ),
        refuse(
            "where two patterns meet, one is missing",
            json!({ "patternProperties": { "^a": number(), "b$": integer() } }),
            json!({ "patternProperties": { "^a": integer(), "b$": integer() } }),
            json!({ "a": 0.5 }),
        ),
        accept(
            "a pattern that matches every name is what is true of all members",
            json!({ "patternProperties": { "": integer() } }),
            json!({ "additionalProperties": integer() }),
        ),
        accept(
            "what is true of all members is a pattern that matches every name",
            json!({ "additionalProperties": integer() }),
            json!({ "patternProperties": { "": integer() } }),
        ),
        refuse(
            "the names of a pattern are forbidden",
            json!({ "patternProperties": { "^tmp_": true } }),
            json!({ "patternProperties": { "^tmp_": false } }),
            json!({ "tmp_": 1 }),
        ),
        refuse(
            "a pattern becomes named members",
            json!({ "patternProperties": { "^x_[1-3]$": integer() }, "additionalProperties": false }),
            json!({ "properties": { "x_1": integer(), "x_2": integer() }, "additionalProperties": false }),
            json!({ "x_3": 1 }),
        ),
    ]
}

#[test]
fn pattern_properties() {
    check(&rows());
}

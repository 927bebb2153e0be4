//! Lengths and patterns of texts.

use serde_json::json;

use super::{Row, accept, beyond_reach, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    vec![
        refuse(
            "a text gets a length of two thousand",
            json!({ "type": "string" }),
            json!({ "type": "string", "maxLength": 2_000 }),
            json!("a".repeat(2_001)),
        ),
        refuse(
            "a text gets the length of a column",
            json!({ "properties": { "a": { "type": "string", "maxLength": 100_000 } } }),
            json!({ "properties": { "a": { "type": "string", "maxLength": 65_535 } } }),
            json!({ "a": "a".repeat(65_536) }),
        ),
        refuse(
            "a text with a pattern gets a long length",
            json!({ "type": "string", "pattern": "^[a-z]+(-[a-z]+)*$" }),
            json!({ "type": "string", "pattern": "^[a-z]+(-[a-z]+)*$", "maxLength": 4_000 }),
            json!("a".repeat(4_001)),
        ),
        accept("maxLength raised", json!({ "maxLength": 64 }), json!({ "maxLength": 128 })),
        refuse("maxLength lowered", json!({ "maxLength": 64 }), json!({ "maxLength": 63 }), json!("a".repeat(64))),
        refuse(
            "maxLength added",
            json!({ "type": "string" }),
            json!({ "type": "string", "maxLength": 3 }),
            json!("abcd"),
        ),
        accept("maxLength dropped", json!({ "maxLength": 3 }), json!({})),
        accept("minLength of nothing", json!({ "type": "string" }), json!({ "type": "string", "minLength": 0 })),
        refuse(
            "a text may no longer be empty",
            json!({ "type": "string" }),
            json!({ "type": "string", "minLength": 1 }),
            json!(""),
        ),
        accept("minLength lowered", json!({ "minLength": 2 }), json!({ "minLength": 1 })),
        refuse(
            "lengths count characters, not bytes",
            json!({ "maxLength": 2 }),
            json!({ "maxLength": 1 }),
            json!("üü"),
        ),
        beyond_reach(
            "only the empty text",
            json!({ "type": "string", "maxLength": 0 }),
            json!({ "const": "" }),
            "the texts that a bound leaves over are not listed",
        ),
        refuse(
            "a pattern is added",
            json!({ "type": "string" }),
            json!({ "type": "string", "pattern": "^[a-z]+$" }),
            json!("A"),
        ),
        accept("a pattern is dropped", json!({ "pattern": "^[a-z]+$" }), json!({})),
        accept("a pattern takes more", json!({ "pattern": "^[a-z]+$" }), json!({ "pattern": "^[a-z0-9]+$" })),
        refuse(
            "a pattern takes less",
            json!({ "type": "string", "pattern": "^[a-z0-9]+$" }),
            json!({ "type": "string", "pattern": "^[a-z]+$" }),
            json!("a1"),
        ),
        accept(
            "the same pattern in other words",
            json!({ "pattern": "^[a-cd]$" }),
            json!({ "pattern": "^(?:[a-b]|[c-d])$" }),
        ),
        accept("digits are those of ASCII", json!({ "pattern": r"^\d$" }), json!({ "pattern": "^[0-9]$" })),
        accept("a digit, written two ways", json!({ "pattern": "^[0-9]$" }), json!({ "pattern": r"^\d$" })),
        accept(
            "letters of words are those of ASCII",
            json!({ "pattern": r"^\w$" }),
            json!({ "pattern": "^[A-Za-z0-9_]$" }),
        ),
        refuse(
            "white space is more than that of ASCII",
            json!({ "type": "string", "pattern": r"^\s$" }),
            json!({ "type": "string", "pattern": r"^[ \t\n\r\f\v]$" }),
            json!("\u{a0}"),
        ),
        refuse(
            "a letter of any script becomes one of ASCII",
            json!({ "type": "string", "pattern": r"^\p{Lu}$" }),
            json!({ "type": "string", "pattern": "^[A-Z]$" }),
            json!("\u{c4}"),
        ),
        refuse("an anchor is added", json!({ "pattern": "a" }), json!({ "pattern": "^a" }), json!("ba")),
        accept("an anchor is dropped", json!({ "pattern": "^a" }), json!({ "pattern": "a" })),
        accept(
            "a pattern that takes every text",
            json!({ "type": "string" }),
            json!({ "type": "string", "pattern": "" }),
        ),
        refuse(
            "a dot takes no line break",
            json!({ "type": "string" }),
            json!({ "type": "string", "pattern": "^.*$" }),
            json!("\n"),
        ),
        accept(
            "a pattern implies a length",
            json!({ "pattern": "^[A-Z]{3}$" }),
            json!({ "minLength": 3, "maxLength": 3 }),
        ),
        refuse(
            "a pattern allows longer texts",
            json!({ "pattern": "^[A-Z]{3,4}$" }),
            json!({ "maxLength": 3 }),
            json!("AAAA"),
        ),
        beyond_reach(
            "a pattern as a list",
            json!({ "type": "string", "pattern": "^(on|off)$" }),
            json!({ "enum": ["on", "off"] }),
            "the texts that a pattern takes are not listed",
        ),
        accept("a list becomes a pattern", json!({ "enum": ["on", "off"] }), json!({ "pattern": "^(on|off)$" })),
        refuse(
            "a list becomes a pattern that lacks one",
            json!({ "enum": ["on", "off"] }),
            json!({ "pattern": "^on$" }),
            json!("off"),
        ),
        accept(
            "a pattern joins two of an anyOf",
            json!({ "type": "string", "anyOf": [{ "pattern": "^a" }, { "pattern": "^b" }] }),
            json!({ "pattern": "^[ab]" }),
        ),
        accept(
            "two patterns of an allOf in one",
            json!({ "type": "string", "allOf": [{ "pattern": "^[a-c]{2}$" }, { "pattern": "^[b-d]{2}$" }] }),
            json!({ "pattern": "^[bc]{2}$" }),
        ),
        refuse(
            "one of two patterns in an allOf takes less",
            json!({ "type": "string", "allOf": [{ "pattern": "^a" }, { "pattern": "b$" }] }),
            json!({ "type": "string", "pattern": "^a.*b$" }),
            json!("a\nb"),
        ),
        accept(
            "a pattern and the length it implies",
            json!({ "pattern": "^a{5}$" }),
            json!({ "pattern": "^a+$", "maxLength": 5 }),
        ),
        refuse(
            "a pattern within a length loses its longest",
            json!({ "type": "string", "pattern": "^a+$", "maxLength": 5 }),
            json!({ "type": "string", "pattern": "^a{1,4}$" }),
            json!("aaaaa"),
        ),
        accept(
            "a pattern within a length, spelled out",
            json!({ "type": "string", "pattern": "^a+$", "maxLength": 5 }),
            json!({ "type": "string", "pattern": "^a{1,5}$" }),
        ),
        beyond_reach(
            "long repetitions that are the same in two spellings",
            json!({ "type": "string", "pattern": "^([ab]{300})$" }),
            json!({ "type": "string", "pattern": "^([ab]{150}){2}$" }),
            "automata of such patterns are large, and the work is bounded",
        ),
        refuse(
            "an identifier of the order gets a prefix",
            json!({ "properties": { "id": { "type": "string" } } }),
            json!({ "properties": { "id": { "type": "string", "pattern": "^ord_" } } }),
            json!({ "id": "" }),
        ),
        refuse(
            "a pattern as a list that lacks one",
            json!({ "type": "string", "pattern": "^(on|off)$" }),
            json!({ "enum": ["on"] }),
            json!("off"),
        ),
    ]
}

#[test]
fn strings() {
    check(&rows());
}

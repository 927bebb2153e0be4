//! `$ref`, `$defs`, `$anchor`, `$dynamicRef`, and schemas that refer to themselves.

use serde_json::{Value, json};

use super::{Row, accept, accept_unless_strict, check, refuse};

/// A list of values of a type, linked by `next`.
fn chain(value: &Value, required: &Value) -> Value {
    json!({
        "type": "object",
        "properties": { "value": value, "next": { "$ref": "#" } },
        "required": required,
        "additionalProperties": false,
    })
}

/// A tree behind a definition.
fn tree(node: &Value) -> Value {
    json!({ "$ref": "#/$defs/node", "$defs": { "node": node } })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = definitions();
    rows.extend(recursion());
    rows
}

fn definitions() -> Vec<Row> {
    let money = || json!({ "type": "object", "properties": { "amount": { "type": "integer" }, "currency": { "type": "string" } }, "required": ["amount"] });
    let inline = || json!({ "type": "object", "properties": { "net": money(), "gross": money() } });
    let split = || {
        json!({
            "type": "object",
            "properties": { "net": { "$ref": "#/$defs/money" }, "gross": { "$ref": "#/$defs/money" } },
            "$defs": { "money": money() },
        })
    };
    let mut strict = split();
    strict["$defs"]["money"]["required"] = json!(["amount", "currency"]);
    let mut more = split();
    more["$defs"]["money"]["properties"]["precision"] = json!({ "type": "integer" });
    vec![
        accept("a member moves into a definition", inline(), split()),
        accept("a definition is written out", split(), inline()),
        refuse("a definition that two members share requires more", split(), strict, json!({ "net": { "amount": 1 } })),
        accept_unless_strict(
            "a definition gains an optional member",
            split(),
            more,
            json!({ "net": { "amount": 1, "precision": "x" } }),
        ),
        accept(
            "an unused definition changes",
            json!({ "type": "string", "$defs": { "a": { "type": "string" } } }),
            json!({ "type": "string", "$defs": { "a": false } }),
        ),
        accept(
            "a definition gets another name",
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "string" } } }),
            json!({ "$ref": "#/$defs/b", "$defs": { "b": { "type": "string" } } }),
        ),
        accept(
            "a pointer becomes an anchor",
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "string" } } }),
            json!({ "$ref": "#text", "$defs": { "a": { "$anchor": "text", "type": "string" } } }),
        ),
        accept(
            "a reference becomes a dynamic one",
            json!({ "items": { "$ref": "#/$defs/a" }, "$defs": { "a": { "type": "string" } } }),
            json!({ "items": { "$dynamicRef": "#a" }, "$defs": { "a": { "$dynamicAnchor": "a", "type": "string" } } }),
        ),
        refuse(
            "what stands beside a reference holds too",
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "string" } } }),
            json!({ "$ref": "#/$defs/a", "maxLength": 2, "$defs": { "a": { "type": "string" } } }),
            json!("abc"),
        ),
        refuse(
            "a reference leads to another definition",
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "string" }, "b": { "type": "integer" } } }),
            json!({ "$ref": "#/$defs/b", "$defs": { "a": { "type": "string" }, "b": { "type": "integer" } } }),
            json!(""),
        ),
        accept(
            "a reference to a member's schema",
            json!({ "properties": { "a": { "type": "string" }, "b": { "type": "string" } } }),
            json!({ "properties": { "a": { "type": "string" }, "b": { "$ref": "#/properties/a" } } }),
        ),
        refuse(
            "a reference to a member's schema that takes less",
            json!({ "properties": { "a": { "type": "string" }, "b": { "$ref": "#/properties/a" } } }),
            json!({ "properties": { "a": { "type": "string", "maxLength": 1 }, "b": { "$ref": "#/properties/a" } } }),
            json!({ "b": "ab" }),
        ),
        accept(
            "references follow one another",
            json!({ "type": "integer" }),
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "type": "number" } } }),
        ),
    ]
}

fn recursion() -> Vec<Row> {
    let integer = || json!({ "type": "integer" });
    let number = || json!({ "type": "number" });
    let node = || json!({ "type": "object", "properties": { "name": { "type": "string" }, "children": { "type": "array", "items": { "$ref": "#/$defs/node" } } } });
    let mut with_size = node();
    with_size["properties"]["size"] = integer();
    let mut named = node();
    named["required"] = json!(["name"]);
    let unrolled = json!({
        "type": "object",
        "properties": {
            "value": integer(),
            "next": {
                "type": "object", "required": [], "additionalProperties": false,
                "properties": { "value": integer(), "next": { "$ref": "#" } },
            },
        },
        "required": [],
        "additionalProperties": false,
    });
    vec![
        accept("the values of a chain take more", chain(&integer(), &json!([])), chain(&number(), &json!([]))),
        refuse(
            "the values of a chain take less",
            chain(&number(), &json!([])),
            chain(&integer(), &json!([])),
            json!({ "next": { "value": 0.5 } }),
        ),
        refuse(
            "the links of a chain require more",
            chain(&integer(), &json!([])),
            chain(&integer(), &json!(["value"])),
            json!({ "next": {} }),
        ),
        accept("a chain is unrolled once", chain(&integer(), &json!([])), unrolled.clone()),
        accept("an unrolled chain is rolled up", unrolled, chain(&integer(), &json!([]))),
        accept("a chain without an end takes nothing", chain(&integer(), &json!(["next"])), json!({ "type": "null" })),
        accept_unless_strict(
            "a tree gains an optional member",
            tree(&node()),
            tree(&with_size),
            json!({ "children": [{ "size": "big" }] }),
        ),
        refuse("the nodes of a tree require a name", tree(&node()), tree(&named), json!({})),
        accept("the nodes of a tree no longer require a name", tree(&named), tree(&node())),
        refuse(
            "only the leaves of a tree break",
            json!({ "$ref": "#/$defs/n", "$defs": { "n": { "anyOf": [{ "type": "integer" }, { "type": "array", "items": { "$ref": "#/$defs/n" } }] } } }),
            json!({ "$ref": "#/$defs/n", "$defs": { "n": { "anyOf": [{ "type": "integer", "maximum": 9 }, { "type": "array", "items": { "$ref": "#/$defs/n" } }] } } }),
            json!([[10]]),
        ),
        refuse(
            "the depth of a tree is limited",
            json!({ "type": "array", "items": { "$ref": "#" } }),
            json!({ "type": "array", "items": { "type": "array", "items": { "type": "array", "maxItems": 0 } } }),
            json!([[[[]]]]),
        ),
        accept(
            "a limited tree becomes any tree",
            json!({ "type": "array", "items": { "type": "array", "items": { "type": "array", "maxItems": 0 } } }),
            json!({ "type": "array", "items": { "$ref": "#" } }),
        ),
        accept(
            "one definition that refers to itself becomes two that refer to each other",
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": ["array", "null"], "items": { "$ref": "#/$defs/a" } } } }),
            json!({
                "$ref": "#/$defs/a",
                "$defs": {
                    "a": { "type": ["array", "null"], "items": { "$ref": "#/$defs/b" } },
                    "b": { "type": ["array", "null"], "items": { "$ref": "#/$defs/a" } },
                },
            }),
        ),
        refuse(
            "every second level of a tree takes less",
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": ["array", "null"], "items": { "$ref": "#/$defs/a" } } } }),
            json!({
                "$ref": "#/$defs/a",
                "$defs": {
                    "a": { "type": ["array", "null"], "items": { "$ref": "#/$defs/b" } },
                    "b": { "type": "array", "items": { "$ref": "#/$defs/a" } },
                },
            }),
            json!([null]),
        ),
    ]
}

#[test]
fn references() {
    check(&rows());
}

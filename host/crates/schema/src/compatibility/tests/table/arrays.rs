//! `items`, `prefixItems`, `contains`, `uniqueItems`, `unevaluatedItems` and the bounds of arrays.

use serde_json::json;

use super::{Row, accept, beyond_reach, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = items();
    rows.extend(contains());
    rows
}

fn items() -> Vec<Row> {
    let integer = || json!({ "type": "integer" });
    let number = || json!({ "type": "number" });
    vec![
        refuse(
            "a list gets a length of two thousand",
            json!({ "type": "array" }),
            json!({ "type": "array", "maxItems": 2_000 }),
            json!(vec![0; 2_001]),
        ),
        refuse(
            "a list of texts gets a length of ten thousand",
            json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
            json!({ "type": "array", "items": { "type": "string", "minLength": 1 }, "maxItems": 10_000 }),
            json!(vec!["a"; 10_001]),
        ),
        refuse(
            "elements that no keyword speaks about are no longer let through",
            json!({ "type": "array", "prefixItems": [{ "type": "string" }], "unevaluatedItems": { "type": "boolean" } }),
            json!({ "type": "array", "prefixItems": [{ "type": "string" }], "unevaluatedItems": false }),
            json!(["a", true]),
        ),
        accept("elements take more", json!({ "items": integer() }), json!({ "items": number() })),
        refuse("elements take less", json!({ "items": number() }), json!({ "items": integer() }), json!([0.5])),
        refuse(
            "elements get a type",
            json!({ "type": "array" }),
            json!({ "type": "array", "items": integer() }),
            json!(["a"]),
        ),
        accept("elements lose their type", json!({ "type": "array", "items": integer() }), json!({ "type": "array" })),
        refuse(
            "elements must have a member more",
            json!({ "items": { "type": "object", "properties": { "sku": { "type": "string" } } } }),
            json!({ "items": { "type": "object", "properties": { "sku": { "type": "string" } }, "required": ["sku"] } }),
            json!([{}]),
        ),
        accept("maxItems raised", json!({ "maxItems": 3 }), json!({ "maxItems": 4 })),
        refuse("maxItems lowered", json!({ "maxItems": 3 }), json!({ "maxItems": 2 }), json!([1, 1, 1])),
        refuse(
            "an array may no longer be empty",
            json!({ "type": "array", "items": integer() }),
            json!({ "type": "array", "items": integer(), "minItems": 1 }),
            json!([]),
        ),
        accept("minItems of nothing", json!({ "type": "array" }), json!({ "type": "array", "minItems": 0 })),
        accept("elements need no longer be unique", json!({ "uniqueItems": true }), json!({ "uniqueItems": false })),
        refuse(
            "elements must be unique",
            json!({ "type": "array" }),
            json!({ "type": "array", "uniqueItems": true }),
            json!([1, 1]),
        ),
        accept(
            "one element is unique",
            json!({ "type": "array", "maxItems": 1 }),
            json!({ "type": "array", "maxItems": 1, "uniqueItems": true }),
        ),
        beyond_reach(
            "unique elements of two values are at most two",
            json!({ "type": "array", "items": { "enum": [1, 2] }, "uniqueItems": true }),
            json!({ "type": "array", "items": { "enum": [1, 2] }, "maxItems": 2 }),
            "how many different elements there can be is not counted",
        ),
        refuse(
            "elements of two values are any number",
            json!({ "type": "array", "items": { "enum": [1, 2] } }),
            json!({ "type": "array", "items": { "enum": [1, 2] }, "maxItems": 2 }),
            json!([1, 1, 1]),
        ),
        accept(
            "a pair becomes an array of two",
            json!({ "type": "array", "prefixItems": [number(), number()], "minItems": 2, "maxItems": 2 }),
            json!({ "type": "array", "items": number(), "minItems": 2, "maxItems": 2 }),
        ),
        accept(
            "an array of two becomes a pair",
            json!({ "type": "array", "items": number(), "minItems": 2, "maxItems": 2 }),
            json!({ "type": "array", "prefixItems": [number(), number()], "items": false, "minItems": 2 }),
        ),
        refuse(
            "the second of a pair takes less",
            json!({ "prefixItems": [number(), number()] }),
            json!({ "prefixItems": [number(), integer()] }),
            json!([0.5, 0.5]),
        ),
        accept(
            "a prefix is dropped",
            json!({ "prefixItems": [number(), { "type": "string" }] }),
            json!({ "prefixItems": [number()] }),
        ),
        refuse(
            "a prefix grows",
            json!({ "prefixItems": [number()] }),
            json!({ "prefixItems": [number(), { "type": "string" }] }),
            json!([1, 1]),
        ),
        accept(
            "a prefix grows where nothing was allowed",
            json!({ "prefixItems": [number()], "items": false }),
            json!({ "prefixItems": [number(), { "type": "string" }], "items": false }),
        ),
        refuse(
            "a prefix shrinks where nothing else is allowed",
            json!({ "prefixItems": [number(), number()], "items": false }),
            json!({ "prefixItems": [number()], "items": false }),
            json!([1, 1]),
        ),
        accept(
            "no further elements is at most so many",
            json!({ "prefixItems": [true, true], "items": false }),
            json!({ "maxItems": 2 }),
        ),
        accept(
            "no further elements, the other way",
            json!({ "prefixItems": [number()], "items": false }),
            json!({ "prefixItems": [number()], "unevaluatedItems": false }),
        ),
        refuse(
            "further elements are refused",
            json!({ "prefixItems": [number()] }),
            json!({ "prefixItems": [number()], "unevaluatedItems": false }),
            json!([1, 1]),
        ),
        refuse(
            "items do not see the prefix of an allOf",
            json!({ "allOf": [{ "prefixItems": [{ "type": "string" }] }], "unevaluatedItems": { "type": "integer" } }),
            json!({ "allOf": [{ "prefixItems": [{ "type": "string" }] }], "items": { "type": "integer" } }),
            json!(["a"]),
        ),
        accept(
            "an array of arrays takes more",
            json!({ "items": { "items": integer(), "maxItems": 2 } }),
            json!({ "items": { "items": number(), "maxItems": 3 } }),
        ),
        refuse(
            "an array becomes one of its elements",
            json!({ "type": "array", "items": integer() }),
            json!({ "type": "integer" }),
            json!([]),
        ),
        beyond_reach(
            "an impossible element leaves the empty array",
            json!({ "type": "array", "items": false }),
            json!({ "const": [] }),
            "what rules leave over is listed for finite types only",
        ),
        refuse(
            "an element or several become several",
            json!({ "type": ["string", "array"] }),
            json!({ "type": "array" }),
            json!("a"),
        ),
        refuse(
            "the contained takes more, and there may be few",
            json!({ "contains": { "type": "integer" }, "maxContains": 1 }),
            json!({ "contains": { "type": "number" }, "maxContains": 1 }),
            json!([1, 0.5]),
        ),
    ]
}

fn contains() -> Vec<Row> {
    let a = || json!({ "const": "a" });
    vec![
        refuse(
            "some element must be one",
            json!({ "type": "array" }),
            json!({ "type": "array", "contains": a() }),
            json!([]),
        ),
        accept("no element must be one", json!({ "type": "array", "contains": a() }), json!({ "type": "array" })),
        accept(
            "the contained takes more",
            json!({ "contains": { "type": "integer" } }),
            json!({ "contains": { "type": "number" } }),
        ),
        refuse(
            "the contained takes less",
            json!({ "contains": { "type": "number" } }),
            json!({ "contains": { "type": "integer" } }),
            json!([0.5]),
        ),
        accept(
            "a contained element means one at least",
            json!({ "type": "array", "contains": a() }),
            json!({ "type": "array", "minItems": 1 }),
        ),
        accept(
            "elements of one kind contain one",
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
            json!({ "type": "array", "contains": { "type": "string" } }),
        ),
        accept(
            "fewer must be contained",
            json!({ "contains": a(), "minContains": 2 }),
            json!({ "contains": a(), "minContains": 1 }),
        ),
        refuse(
            "more must be contained",
            json!({ "contains": a() }),
            json!({ "contains": a(), "minContains": 2 }),
            json!(["a"]),
        ),
        accept(
            "more may be contained",
            json!({ "contains": a(), "maxContains": 2 }),
            json!({ "contains": a(), "maxContains": 3 }),
        ),
        refuse(
            "fewer may be contained",
            json!({ "contains": a(), "maxContains": 3 }),
            json!({ "contains": a(), "maxContains": 2 }),
            json!(["a", "a", "a"]),
        ),
        accept(
            "nothing need be contained",
            json!({ "type": "array" }),
            json!({ "type": "array", "contains": a(), "minContains": 0 }),
        ),
        accept(
            "elements that cannot be contained",
            json!({ "type": "array", "items": { "type": "string" } }),
            json!({ "type": "array", "contains": { "type": "integer" }, "minContains": 0, "maxContains": 0 }),
        ),
        refuse(
            "an element that must be contained cannot be",
            json!({ "type": "array", "items": { "type": "string" } }),
            json!({ "type": "array", "contains": { "type": "integer" } }),
            json!([]),
        ),
        accept(
            "what a prefix has is contained",
            json!({ "type": "array", "prefixItems": [a()], "minItems": 1 }),
            json!({ "type": "array", "contains": a() }),
        ),
    ]
}

#[test]
fn arrays() {
    check(&rows());
}

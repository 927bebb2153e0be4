use serde_json::{Value, json};

use super::*;
use crate::limits::{FILTER_ALTERNATIVES_MAX, FILTER_DEPTH_MAX, FILTER_SHAPES_MAX, FILTER_STEPS_MAX};

fn parse(filter: &Value) -> Result<Filter> {
    Filter::parse(&filter.to_string())
}

/// The path and the nearest member with which a filter is refused against a schema.
fn never(filter: &Value, schema: &Value) -> Option<(String, Option<String>)> {
    match parse(filter).expect("well formed").check_against(&[schema]).err()? {
        Error::FilterNeverMatches { path, nearest, .. } => Some((path, nearest)),
        other => panic!("{other}"),
    }
}

#[test]
fn a_name_that_stands_twice_is_refused_with_its_place() {
    let Err(Error::FilterInvalid { path, reason }) = Filter::parse(r#"{"a":{"b":[1],"b":[2]}}"#) else {
        panic!("taken")
    };
    assert_eq!((path.as_str(), reason.as_str()), ("/a/b", NAME_STANDS_TWICE));
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (filter, expected) in [
        (json!(1), ""),
        (json!(null), ""),
        (json!([]), ""),
        (json!({}), ""),
        (json!({ "a": {} }), "/a"),
        (json!({ "a": 1 }), "/a"),
        (json!({ "a": null }), "/a"),
        (json!({ "a": [] }), "/a"),
        (json!({ "a": { "b/c": "x" } }), "/a/b~1c"),
        (json!({ "a": [[1]] }), "/a/0"),
        (json!({ "a": [1, {}] }), "/a/1"),
        (json!({ "a": [{ "prefix": "x", "suffix": "y" }] }), "/a/0"),
        (json!({ "a": [{ "cidr": "10.0.0.0/8" }] }), "/a/0/cidr"),
        (json!({ "a": [{ "prefix": 1 }] }), "/a/0/prefix"),
        (json!({ "a": [{ "prefix": { "suffix": "x" } }] }), "/a/0/prefix/suffix"),
        (json!({ "a": [{ "suffix": { "equals-ignore-case": 1 } }] }), "/a/0/suffix/equals-ignore-case"),
        (json!({ "a": [{ "equals-ignore-case": ["x"] }] }), "/a/0/equals-ignore-case"),
        (json!({ "a": [{ "exists": "true" }] }), "/a/0/exists"),
        (json!({ "a": [{ "wildcard": 1 }] }), "/a/0/wildcard"),
        (json!({ "a": [{ "wildcard": "a**b" }] }), "/a/0/wildcard"),
        (json!({ "a": [{ "wildcard": r"a\b" }] }), "/a/0/wildcard"),
        (json!({ "a": [{ "wildcard": r"a\" }] }), "/a/0/wildcard"),
        (json!({ "a": [{ "numeric": 1 }] }), "/a/0/numeric"),
        (json!({ "a": [{ "numeric": [] }] }), "/a/0/numeric"),
        (json!({ "a": [{ "numeric": ["<"] }] }), "/a/0/numeric"),
        (json!({ "a": [{ "numeric": ["<", "1"] }] }), "/a/0/numeric/1"),
        (json!({ "a": [{ "numeric": [">", 0, "!=", 1] }] }), "/a/0/numeric/2"),
        (json!({ "a": [{ "numeric": [">", 0, ">=", 1] }] }), "/a/0/numeric"),
        (json!({ "a": [{ "numeric": ["=", 0, "<", 1] }] }), "/a/0/numeric"),
        (json!({ "a": [{ "numeric": [">", 1, "<", 1] }] }), "/a/0/numeric"),
        (json!({ "a": [{ "numeric": [">=", 2, "<=", 1] }] }), "/a/0/numeric"),
        (json!({ "a": [{ "anything-but": [] }] }), "/a/0/anything-but"),
        (json!({ "a": [{ "anything-but": ["x", {}] }] }), "/a/0/anything-but/1"),
        (json!({ "a": [{ "anything-but": { "exists": true } }] }), "/a/0/anything-but/exists"),
        (json!({ "a": [{ "anything-but": { "prefix": ["x", 1] } }] }), "/a/0/anything-but/prefix/1"),
        (json!({ "$or": { "a": [1] } }), "/$or"),
        (json!({ "$or": [{ "a": [1] }] }), "/$or"),
        (json!({ "$or": [{ "a": [1] }, 1] }), "/$or/1"),
        (json!({ "b": { "$or": [{ "a": [1] }, { "a": 1 }] } }), "/b/$or/1/a"),
    ] {
        let error = parse(&filter).expect_err(&filter.to_string());
        let Error::FilterInvalid { path, .. } = &error else { panic!("{error}") };
        assert_eq!(path, expected, "{filter}: {error}");
    }
    assert!(matches!(Filter::parse("{"), Err(Error::FilterInvalid { .. })));
}

#[test]
fn white_space_does_not_stay() {
    assert_eq!(Filter::parse(" { \"a\" : [ 1.0 ] } ").expect("a filter").as_str(), r#"{"a":[1.0]}"#);
}

#[test]
fn filter_bytes_max() {
    let filter = |bytes: usize| format!(r#"{{"a":["{}"]}}"#, "x".repeat(bytes - r#"{"a":[""]}"#.len()));
    assert!(Filter::parse(&filter(FILTER_BYTES_MAX)).is_ok());
    assert!(Filter::parse(&filter(FILTER_BYTES_MAX + 1)).is_err());
}

#[test]
fn filter_alternatives_max() {
    let values = |count: usize| vec![1; count];
    for filter in [
        |values: Vec<i32>| json!({ "a": values }),
        |values: Vec<i32>| json!({ "a": [{ "anything-but": values[1..] }] }),
        |values: Vec<i32>| json!({ "$or": [{ "b": [1] }, { "a": values[1..] }] }),
    ] {
        assert!(parse(&filter(values(FILTER_ALTERNATIVES_MAX))).is_ok());
        assert!(parse(&filter(values(FILTER_ALTERNATIVES_MAX + 1))).is_err());
    }
}

#[test]
fn filter_depth_max() {
    let filter = |depth| (1..depth).fold(json!({ "a": [1] }), |inner, _| json!({ "a": inner }));
    assert!(parse(&filter(FILTER_DEPTH_MAX)).is_ok());
    assert!(parse(&filter(FILTER_DEPTH_MAX + 1)).is_err());
}

fn order_schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["orderId", "total", "state"],
        "properties": {
            "orderId": { "type": "string", "minLength": 3, "maxLength": 10 },
            "total": { "type": "integer", "minimum": 0, "maximum": 1000 },
            "rate": { "type": "number", "exclusiveMinimum": 0.5, "maximum": 2 },
            "state": { "enum": ["new", "paid", "Cancelled"] },
            "kind": { "const": 7 },
            "note": { "type": ["string", "null"] },
            "gift": { "type": "boolean" },
            "tags": { "type": "array", "items": { "type": "string", "maxLength": 5 } },
            "items": { "type": "array", "items": { "$ref": "#/$defs/item" } },
            "address": { "$ref": "#/$defs/address" },
            "payment": { "oneOf": [{ "$ref": "#/$defs/card" }, { "$ref": "#/$defs/transfer" }] },
            "free": {},
        },
        "$defs": {
            "item": { "type": "object", "additionalProperties": false, "properties": { "sku": { "type": "string" } } },
            "address": { "type": "object", "properties": { "city": { "type": "string" } } },
            "card": { "type": "object", "additionalProperties": false, "required": ["kind"],
                      "properties": { "kind": { "const": "card" }, "last4": { "type": "string" } } },
            "transfer": { "type": "object", "additionalProperties": false, "required": ["kind"],
                          "properties": { "kind": { "const": "transfer" }, "iban": { "type": "string" } } },
        },
    })
}

#[test]
fn what_can_never_match_is_refused() {
    for (filter, path, nearest) in [
        (json!({ "totl": [1] }), "/totl", Some("/total")),
        (json!({ "city": ["x"] }), "/city", Some("/address/city")),
        (json!({ "unheard-of": [{ "exists": true }] }), "/unheard-of", None),
        (json!({ "items": { "skuu": ["a"] } }), "/items/skuu", Some("/items/sku")),
        (json!({ "orderId": [5] }), "/orderId", None),
        (json!({ "orderId": ["x"] }), "/orderId", None),
        (json!({ "orderId": [{ "prefix": "much too long" }, null] }), "/orderId", None),
        (json!({ "orderId": { "sub": [1] } }), "/orderId", None),
        (json!({ "orderId": [{ "exists": false }] }), "/orderId", None),
        (json!({ "total": [1.5] }), "/total", None),
        (json!({ "total": [-1, 1001, "5", true] }), "/total", None),
        (json!({ "total": [{ "numeric": ["<", 0] }] }), "/total", None),
        (json!({ "total": [{ "numeric": [">", 1, "<", 2] }] }), "/total", None),
        (json!({ "rate": [{ "numeric": ["<=", 0.5] }, { "numeric": [">", 2] }] }), "/rate", None),
        (json!({ "state": ["shipped", 1] }), "/state", None),
        (json!({ "state": [{ "prefix": "c" }] }), "/state", None),
        (json!({ "state": [{ "anything-but": ["new", "paid", "Cancelled"] }] }), "/state", None),
        (json!({ "state": [{ "wildcard": "*x*" }, { "suffix": "X" }] }), "/state", None),
        (json!({ "kind": [{ "anything-but": 7.0 }] }), "/kind", None),
        (json!({ "note": [1] }), "/note", None),
        (json!({ "gift": [{ "anything-but": [true, false] }] }), "/gift", None),
        (json!({ "tags": ["longer"] }), "/tags", None),
        (json!({ "tags": { "a": [1] } }), "/tags", None),
        (json!({ "address": [{ "exists": true }] }), "/address", None),
        (json!({ "payment": { "last4": ["1234"], "iban": ["x"] } }), "/payment/iban", None),
        (json!({ "payment": { "kind": ["cash"] } }), "/payment/kind", None),
        (json!({ "payment": { "kind": ["card"], "iban": [{ "exists": true }] } }), "/payment/iban", None),
        (json!({ "$or": [{ "totl": [1] }, { "total": ["x"] }] }), "/$or/0/totl", Some("/total")),
        (json!({ "total": [1], "$or": [{ "ab": [1] }, { "cd": [1] }] }), "/$or/0/ab", None),
    ] {
        let expected = Some((path.to_owned(), nearest.map(str::to_owned)));
        assert_eq!(never(&filter, &order_schema()), expected, "{filter}");
    }
}

#[test]
fn what_may_match_is_not_refused() {
    for filter in [
        json!({ "total": [1.0] }),
        json!({ "total": ["x", 5] }),
        json!({ "total": [{ "numeric": [">", 999.5] }] }),
        json!({ "rate": [{ "numeric": [">=", 0.5] }] }),
        json!({ "state": [{ "equals-ignore-case": "CANCELLED" }] }),
        json!({ "state": [{ "anything-but": ["new", "paid"] }] }),
        json!({ "state": [{ "wildcard": "C*d" }] }),
        json!({ "note": [null] }),
        json!({ "note": [{ "exists": false }] }),
        json!({ "unheard-of": [{ "exists": false }] }),
        json!({ "unheard-of": { "at": [{ "exists": false }] } }),
        json!({ "tags": [{ "exists": false }] }),
        json!({ "tags": [{ "prefix": "short" }] }),
        json!({ "items": { "sku": ["a"], "x": [{ "exists": false }] } }),
        json!({ "address": { "street": ["open"] } }),
        json!({ "address": [{ "exists": false }] }),
        json!({ "payment": { "kind": ["transfer"], "iban": [{ "prefix": "DE" }] } }),
        json!({ "free": { "anything": { "at": { "all": [1] } } } }),
        json!({ "free": [1] }),
        json!({ "$or": [{ "totl": [1] }, { "total": [1] }] }),
    ] {
        assert_eq!(never(&filter, &order_schema()), None, "{filter}");
    }
}

#[test]
fn what_a_schema_leaves_open_is_open() {
    for schema in [
        json!({}),
        json!({ "type": "object" }),
        json!({ "properties": { "b": {} } }),
        json!({ "additionalProperties": false, "patternProperties": { "^a": {} } }),
        json!({ "additionalProperties": false, "properties": { "a": true } }),
        json!({ "not": { "required": ["a"] } }),
        json!({ "unevaluatedProperties": false, "anyOf": [{ "properties": { "a": {} } }, {}] }),
        json!({ "unevaluatedProperties": false, "allOf": [{ "additionalProperties": {} }] }),
        json!({ "unevaluatedProperties": false, "dependentSchemas": { "b": { "properties": { "a": {} } } } }),
        json!({ "if": { "properties": { "b": false } }, "then": {}, "else": { "properties": { "a": false } } }),
        json!({ "properties": { "a": { "type": "string", "nullable": true, "format": "date", "pattern": "^y" } } }),
        json!({ "properties": { "a": { "type": ["array", "null"], "prefixItems": [false], "items": {} } } }),
        json!({ "properties": { "a": { "enum": [1, ["x"], { "x": 1 }] } } }),
    ] {
        assert_eq!(never(&json!({ "a": ["x", null, 1] }), &schema), None, "{schema}");
    }
}

#[test]
fn what_a_schema_closes_is_closed() {
    for schema in [
        json!({ "additionalProperties": false }),
        json!({ "unevaluatedProperties": false, "properties": { "b": {} } }),
        json!({ "unevaluatedProperties": false, "allOf": [{ "properties": { "b": {} } }] }),
        json!({ "additionalProperties": { "type": "integer" } }),
        json!({ "properties": { "a": false } }),
        json!({ "$ref": "#/$defs/a", "$defs": { "a": { "additionalProperties": false } } }),
        json!({ "allOf": [{ "properties": { "a": {} } }, { "additionalProperties": false }] }),
        json!({ "anyOf": [{ "additionalProperties": false }, { "properties": { "a": { "type": "null" } } }] }),
        json!({ "if": {}, "then": { "properties": { "a": false } }, "else": { "properties": { "a": false } } }),
        json!({ "properties": { "a": { "allOf": [{ "type": "string" }, { "type": ["integer", "null"] }] } } }),
        json!({ "properties": { "a": { "const": "x", "enum": ["y"] } } }),
        json!({ "properties": { "a": { "type": "array", "items": false } } }),
        json!({ "properties": { "a": { "type": "array", "prefixItems": [{ "type": "null" }], "items": { "type": "boolean" } } } }),
        json!({ "properties": { "a": { "type": "object" } } }),
        json!({ "type": "array" }),
        json!({ "allOf": [true, false] }),
    ] {
        assert!(never(&json!({ "a": ["x"] }), &schema).is_some(), "{schema}");
    }
}

#[test]
fn one_schema_that_may_match_is_enough() {
    let filter = parse(&json!({ "b": [1] })).expect("a filter");
    let (closed, open) = (json!({ "additionalProperties": false, "properties": { "a": {} } }), json!({}));
    assert!(filter.check_against(&[]).is_ok());
    assert!(filter.check_against(&[&closed, &open]).is_ok());
    let error = filter.check_against(&[&closed, &closed]).expect_err("never");
    assert_eq!(error.to_string(), "at /b: the schema has no such member; did you mean /a?");
}

#[test]
fn recursive_schemas_are_followed_as_far_as_the_filter_goes() {
    let schema = json!({
        "type": "object", "additionalProperties": false,
        "properties": { "child": { "$ref": "#" }, "list": { "$ref": "#/$defs/list" }, "name": { "type": "string" } },
        "$defs": { "list": { "type": "array", "items": { "$ref": "#/$defs/list" } } },
    });
    assert_eq!(never(&json!({ "child": { "child": { "name": ["x"] } } }), &schema), None);
    assert_eq!(never(&json!({ "list": ["x"], "child": { "list": { "a": [1] } } }), &schema), None);
    let refused = never(&json!({ "child": { "child": { "name": [1] } } }), &schema);
    assert_eq!(refused, Some(("/child/child/name".to_owned(), None)));
}

#[test]
fn filter_shapes_max() {
    let either = json!({ "anyOf": [{ "properties": { "b": {} } }, { "properties": { "c": {} } }] });
    let schema = |choices: u32| {
        let branches = vec![either.clone(); choices as usize];
        json!({ "allOf": branches, "properties": { "a": { "anyOf": [{ "const": 1 }, { "const": 2 }] }, "d": { "const": 1 } } })
    };
    // Each choice doubles the shapes: n choices make 2ⁿ of them, with as many partial ones on the way.
    let fitting = FILTER_SHAPES_MAX.ilog2() - 1;
    for choices in [fitting, fitting + 1, 20] {
        assert!(never(&json!({ "d": [2] }), &schema(choices)).is_some(), "what holds in any case is known");
    }
    let closed = |choices: u32| {
        let never = json!({ "anyOf": [{ "properties": { "a": false } }, { "properties": { "a": { "const": 1 } } }] });
        json!({ "allOf": vec![never; choices as usize] })
    };
    assert!(never(&json!({ "a": [2] }), &closed(fitting)).is_some());
    assert!(never(&json!({ "a": [2] }), &closed(20)).is_none());
}

#[test]
fn filter_steps_max() {
    // Each member doubles the paths to the next one, so that checking all would take hours.
    let levels = 31_usize;
    let schema = json!({
        "$ref": "#/$defs/node",
        "$defs": { "node": { "type": "object", "properties": { "a": { "anyOf": [{ "$ref": "#/$defs/node" }, { "$ref": "#/$defs/other" }] }, "z": { "const": 1 } } },
                   "other": { "allOf": [{ "$ref": "#/$defs/node" }], "title": "another" } },
    });
    let filter = |levels| (0..levels).fold(json!({ "z": [2] }), |inner, _| json!({ "a": inner }));
    assert!(1_u64 << levels > u64::from(FILTER_STEPS_MAX));
    assert!(never(&filter(levels), &schema).is_none());
    assert!(never(&filter(3), &schema).is_some());
}

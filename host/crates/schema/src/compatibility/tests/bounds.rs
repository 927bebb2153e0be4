//! Pairs that were made to take long. The answer may be that nothing can be proven; it may not be
//! wrong, and it has to come: each test would run for years if the work had no bound.
//!
//! The bounds themselves are tested in `cost.rs`.

use std::ops::Range;

use serde_json::{Value, json};

use super::{MODES, Pair};

/// The old and the new schema, and a payload that breaks.
type Hostile = (Value, Value, Value);

fn map(names: Range<usize>, schema: impl Fn(usize) -> Value) -> Value {
    names.map(|number| (format!("p{number}"), schema(number))).collect()
}

fn list(count: usize, schema: impl Fn(usize) -> Value) -> Value {
    (0..count).map(schema).collect()
}

/// Many required members, each with one of many values: their objects are too many to go through.
fn exploding_members() -> Hostile {
    let of = |last: usize| {
        json!({
            "type": "object",
            "properties": map(0..49, |_| json!({ "enum": (0..20).collect::<Vec<_>>() })),
            "required": (0..49).map(|number| format!("p{number}")).collect::<Vec<_>>(),
            "not": { "properties": { "p0": { "const": last } } },
        })
    };
    (of(0), of(19), map(0..49, |_| json!(19)))
}

/// Each of many branches meets each of as many others.
fn wide_branches() -> Hostile {
    let of = |shift: usize| {
        let inner = |at: usize| json!({ "oneOf": list(15, |inner| json!({ "multipleOf": at + inner + shift + 1 })) });
        json!({ "type": "integer", "anyOf": list(15, inner) })
    };
    // 1 is a multiple of 1 only, which is among the old divisors once.
    (of(0), of(1), json!(1))
}

/// Many parts hold at once, and each is a choice of three.
fn deep_conjunction() -> Hostile {
    let part = |at: usize, bound: usize| json!({ "anyOf": [{ "required": [format!("a{at}")] }, { "required": [format!("b{at}")] }, { "maxProperties": bound }] });
    let of = |bound: usize| {
        let names = ["a", "b"].into_iter().flat_map(|letter| (0..24).map(move |at| format!("{letter}{at}")));
        json!({
            "type": "object",
            "properties": names.map(|name| (name, json!(true))).collect::<Value>(),
            "allOf": list(24, |at| part(at, bound)),
        })
    };
    (of(1), of(0), json!({ "a0": 1 }))
}

/// A schema that contains itself in several members without an end: each level asks the same question.
fn endless_recursion() -> Hostile {
    let of = |least: usize| {
        json!({
            "properties": {
                "a": { "$ref": "#" }, "b": { "$ref": "#" }, "c": { "$ref": "#" }, "d": { "$ref": "#" },
                "leaf": { "type": "object", "minProperties": least },
            },
            "patternProperties": { "^[a-c]{1,3}$": { "$ref": "#" } },
        })
    };
    (of(0), of(1), json!({ "leaf": {} }))
}

/// Patterns whose product has far more states than the budget pays for.
fn colliding_patterns() -> Hostile {
    let of = |length: usize| json!({ "type": "string", "allOf": list(12, |at| json!({ "pattern": format!("^([ab]{{{}}})*$", at + 7) })), "maxLength": length });
    // Short texts are multiples of none of the lengths, except for the empty one.
    let mut new = of(500_000);
    new["minLength"] = json!(1);
    (of(500_000), new, json!(""))
}

/// Conditions on every member, each of which doubles the cases.
fn chained_conditions() -> Hostile {
    let condition = |at: usize, then: usize| {
        json!({
            "if": { "properties": { format!("p{at}"): { "const": true } }, "required": [format!("p{at}")] },
            "then": { "properties": { format!("p{then}"): { "const": true } }, "required": [format!("p{then}")] },
            "else": { "properties": { format!("p{then}"): { "const": false } } },
        })
    };
    let of = |shift: usize| json!({ "type": "object", "properties": map(0..11, |_| json!({ "type": "boolean" })), "allOf": list(10, |at| condition(at, at + shift)) });
    let mut new = of(1);
    new["required"] = json!(["p10"]);
    (of(1), new, json!({}))
}

/// Names that patterns share in every combination.
fn overlapping_names() -> Hostile {
    let letters: Vec<char> = ('a'..='t').collect();
    let of = |last: i64| {
        let patterns: Value =
            letters.iter().map(|letter| (letter.to_string(), json!({ "type": "integer", "maximum": 9 }))).collect();
        let mut schema = json!({ "type": "object", "patternProperties": patterns, "additionalProperties": false });
        schema["patternProperties"]["t"]["maximum"] = json!(last);
        schema
    };
    (of(9), of(8), json!({ "t": 9 }))
}

/// The members that `unevaluatedProperties` applies to depend on the branches that hold.
fn evaluating_branches() -> Hostile {
    let of = |last: &str| {
        let branch = |at: usize| json!({ "properties": { format!("p{at}"): { "type": ["string", last] } }, "required": [format!("p{at}")] });
        json!({ "type": "object", "allOf": list(20, |at| json!({ "anyOf": [branch(at), true] })), "unevaluatedProperties": false })
    };
    (of("integer"), of("null"), json!({ "p3": 1 }))
}

/// Definitions that lead to each other in every way, each with a rule of its own.
fn tangled_definitions() -> Hostile {
    const DEFINITIONS: usize = 12;
    let of = |last: usize| {
        let branch = |to: usize| json!({ "additionalProperties": { "$ref": format!("#/$defs/d{to}") }, "maxProperties": to + 1 });
        let definition = |at: usize| {
            let leaf = if at == DEFINITIONS - 1 { last } else { 9 };
            json!({ "anyOf": [{ "type": "integer", "maximum": leaf }, { "type": "object", "oneOf": list(DEFINITIONS, |to| branch((at + to) % DEFINITIONS)) }] })
        };
        let definitions: Value = (0..DEFINITIONS).map(|at| (format!("d{at}"), definition(at))).collect();
        json!({ "$ref": "#/$defs/d11", "$defs": definitions })
    };
    (of(9), of(8), json!(9))
}

/// Members that have to contain themselves, under their names and under a pattern: small payloads exist
/// only because a value that is no object has no members. Random drawing found this pair, which did
/// not end.
fn required_recursion() -> Hostile {
    let of = |longest: usize| {
        let unlikely = json!({ "anyOf": [{ "enum": [true, [], {}] }, { "type": "string", "pattern": "^x_" }, false] });
        let inner = json!({
            "type": "object",
            "properties": { "a": { "enum": [true, -1] }, "b": unlikely, "d": { "minLength": 3, "maxLength": longest } },
            "required": ["a"],
            "else": { "if": { "pattern": "^\\d+$" }, "then": { "multipleOf": 2, "oneOf": [{ "maxContains": 1 }, true] } },
        });
        json!({
            "properties": { "b": inner, "c": { "$ref": "#" }, "x_1": { "enum": [0] }, "x_2": { "$ref": "#" } },
            "patternProperties": { "^[a-c]{1,3}$": { "$ref": "#" } },
            "required": ["c", "x_1", "x_2"],
        })
    };
    let deepest = json!({ "a": true, "c": null, "d": "aaaaaa", "x_1": 0, "x_2": null });
    (of(6), of(5), json!({ "b": deepest, "c": null, "x_1": 0, "x_2": null }))
}

fn all() -> [(&'static str, Hostile); 10] {
    [
        ("exploding members", exploding_members()),
        ("wide branches", wide_branches()),
        ("deep conjunction", deep_conjunction()),
        ("endless recursion", endless_recursion()),
        ("colliding patterns", colliding_patterns()),
        ("chained conditions", chained_conditions()),
        ("overlapping names", overlapping_names()),
        ("evaluating branches", evaluating_branches()),
        ("tangled definitions", tangled_definitions()),
        ("required recursion", required_recursion()),
    ]
}

/// A comparison that runs out of steps refuses.
#[test]
fn hostile_pairs_that_break_are_refused() {
    for (name, (old, new, broken)) in all() {
        let pair = Pair::read(&old, &new).unwrap_or_else(|| panic!("{name}: illegal"));
        for mode in MODES {
            assert!(pair.is_broken_by(&broken, mode), "{name}: {broken} breaks nothing in {mode:?}");
            let refusal = pair.refusal(mode).unwrap_or_else(|| panic!("{name}: accepted in {mode:?}"));
            assert_eq!(pair.flaw(&refusal, mode), None, "{name}");
        }
    }
}

/// Equal schemas are recognized without a proof, so even hostile ones accept themselves.
#[test]
fn hostile_schemas_accept_themselves() {
    for (name, (old, new, _)) in all() {
        for schema in [old, new] {
            let mut described = schema.clone();
            described["description"] = json!("words");
            described["title"] = json!("words");
            let pair = Pair::read(&schema, &described).unwrap_or_else(|| panic!("{name}: illegal"));
            for mode in MODES {
                let refusal = pair.refusal(mode);
                assert!(refusal.is_none(), "{name} in {mode:?}: {refusal:?}");
            }
        }
    }
}

/// Turned around, most of the pairs are compatible. The steps may not suffice to prove that, but a
/// counterexample would be wrong.
#[test]
fn hostile_pairs_turned_around_are_answered() {
    for (name, (old, new, _)) in all() {
        let pair = Pair::read(&new, &old).unwrap_or_else(|| panic!("{name}: illegal"));
        for mode in MODES {
            let flaw = pair.refusal(mode).and_then(|refusal| pair.flaw(&refusal, mode));
            assert_eq!(flaw, None, "{name}");
        }
    }
}

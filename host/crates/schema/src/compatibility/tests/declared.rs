//! A second definition of "declared", independent of the one in `locations.rs`.
//!
//! Every schema that is applied in place to a value counts, whether or not the value satisfies it:
//! branches, conditions, negations, references. A member is declared when one of them names it in
//! `properties`, matches it in `patternProperties`, or covers it by a schema for the rest that says
//! something. `true` and `{}` say nothing, and `false` forbids. A name in `required` and in the
//! `dependent…` keywords is declared, too, and so is a value that `const` or `enum` lists, with all
//! its members.

use std::{cell::RefCell, collections::HashMap};

use serde_json::{Map, Value, json};

use crate::{canonical::canonical_text, schema::inspect, validator::Validator};

/// Keywords whose schemas are applied to the same value.
const IN_PLACE: [&str; 8] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"];

/// All schemas that apply to one value.
type Applied<'a> = Vec<&'a Map<String, Value>>;

/// Whether the payload has declared members only.
pub(super) fn is_all(schema: &Value, payload: &Value) -> bool {
    pruned(schema, payload) == *payload
}

/// The payload without the members that the schema does not declare.
pub(super) fn pruned(schema: &Value, payload: &Value) -> Value {
    prune(schema, &applied(schema, &[schema]), payload)
}

fn prune(root: &Value, schemas: &Applied<'_>, value: &Value) -> Value {
    match value {
        listed if is_listed(schemas, listed) => listed.clone(),
        Value::Object(members) => {
            let kept = members.iter().filter_map(|(name, member)| {
                let declaring = of_member(schemas, name);
                let is_declared = !declaring.is_empty() || schemas.iter().any(|schema| mentions(schema, name));
                is_declared.then(|| (name.clone(), prune(root, &applied(root, &declaring), member)))
            });
            Value::Object(kept.collect())
        }
        Value::Array(elements) => {
            let kept = elements
                .iter()
                .enumerate()
                .map(|(index, element)| prune(root, &applied(root, &of_element(schemas, index)), element));
            kept.collect()
        }
        scalar => scalar.clone(),
    }
}

/// Whether one of the schemas lists the value in `enum` or `const`.
fn is_listed(schemas: &Applied<'_>, value: &Value) -> bool {
    let listed = schemas.iter().flat_map(|schema| {
        let list = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        list.chain(schema.get("const"))
    });
    let text = canonical_text(value);
    listed.into_iter().any(|own| canonical_text(own) == text)
}

/// Whether `required` or a `dependent…` keyword of the schema names the member.
fn mentions(schema: &Map<String, Value>, name: &str) -> bool {
    let holds = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(|own| own == name));
    let depends = |keyword: &str| schema.get(keyword).is_some_and(|map| map.get(name).is_some());
    let dependents = schema.get("dependentRequired").and_then(Value::as_object);
    schema.get("required").is_some_and(holds)
        || depends("dependentRequired")
        || depends("dependentSchemas")
        || dependents.is_some_and(|map| map.values().any(holds))
}

/// The schemas that apply to a member.
fn of_member<'a>(schemas: &Applied<'a>, name: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        let named = named(schema, name);
        let is_named = !named.is_empty();
        found.extend(named);
        let rest = schema.get("additionalProperties").filter(|_| !is_named);
        found.extend(rest.filter(|rest| says_something(rest)));
        // Whether a member was evaluated elsewhere depends on the payload; whether it is declared must not.
        found.extend(schema.get("unevaluatedProperties").filter(|rest| says_something(rest)));
    }
    found
}

/// The schemas that name a member, one by one or by a pattern.
fn named<'a>(schema: &'a Map<String, Value>, name: &str) -> Vec<&'a Value> {
    let by_name = schema.get("properties").and_then(|map| map.get(name));
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let by_pattern = patterns.into_iter().flatten().filter(|(pattern, _)| matches(pattern, name));
    by_name.into_iter().chain(by_pattern.map(|(_, schema)| schema)).collect()
}

/// The schemas that apply to an element. Elements need not be declared, but their members do.
fn of_element<'a>(schemas: &Applied<'a>, index: usize) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        found.extend(items(schema, index));
        found.extend(schema.get("contains"));
        found.extend(schema.get("unevaluatedItems"));
    }
    found
}

fn items(schema: &Map<String, Value>, index: usize) -> Option<&Value> {
    let prefix = schema.get("prefixItems").and_then(|prefix| prefix.get(index));
    prefix.or_else(|| schema.get("items"))
}

fn says_something(rest: &Value) -> bool {
    rest.as_object().is_some_and(|schema| !schema.is_empty())
}

/// The given schemas with everything that they apply in place.
fn applied<'a>(root: &'a Value, schemas: &[&'a Value]) -> Applied<'a> {
    let mut found: Applied<'a> = Vec::new();
    for schema in schemas.iter().filter_map(|schema| schema.as_object()) {
        for next in in_place(root, schema) {
            if !found.iter().any(|known| std::ptr::eq(*known, next)) {
                found.push(next);
            }
        }
    }
    found
}

/// A schema with everything that it applies in place.
fn in_place<'a>(root: &'a Value, schema: &'a Map<String, Value>) -> Applied<'a> {
    let mut found = vec![schema];
    let mut searched = 0;
    while let Some(schema) = found.get(searched).copied() {
        searched += 1;
        let branches = IN_PLACE.iter().flat_map(|keyword| held(keyword, schema.get(*keyword)));
        let references = ["$ref", "$dynamicRef"].iter().filter_map(|keyword| schema.get(*keyword)?.as_str());
        let targets = references.filter_map(|reference| target(root, reference));
        for next in branches.chain(targets).filter_map(Value::as_object) {
            if !found.iter().any(|known| std::ptr::eq(*known, next)) {
                found.push(next);
            }
        }
    }
    found
}

/// The schemas in the value of a keyword, which is a list, a map, or one schema.
fn held<'a>(keyword: &str, value: Option<&'a Value>) -> Vec<&'a Value> {
    match value {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(map)) if keyword == "dependentSchemas" => map.values().collect(),
        one => one.into_iter().collect(),
    }
}

/// The schema that a reference leads to. Tests write pointers without escapes, and anchors.
pub(super) fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let fragment = reference.strip_prefix('#')?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(fragment);
    }
    anchored(root, fragment)
}

fn anchored<'a>(value: &'a Value, anchor: &str) -> Option<&'a Value> {
    let is_here =
        ["$anchor", "$dynamicAnchor"].iter().any(|keyword| value.get(*keyword).is_some_and(|is| is == anchor));
    if is_here {
        return Some(value);
    }
    match value {
        Value::Array(list) => list.iter().find_map(|inner| anchored(inner, anchor)),
        Value::Object(map) => map.values().find_map(|inner| anchored(inner, anchor)),
        _ => None,
    }
}

thread_local! {
    /// Patterns by their text. The validator runs them, so they mean the same here as there.
    static PATTERNS: RefCell<HashMap<String, Validator>> = RefCell::default();
}

/// Whether the pattern is found in the text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    PATTERNS.with_borrow_mut(|known| {
        let compile = || inspect(&json!({ "pattern": pattern }).to_string()).expect("a pattern").validator;
        known.entry(pattern.to_owned()).or_insert_with(compile).check(&json!(text)).is_ok()
    })
}

#[test]
fn members_are_kept_where_a_schema_speaks_of_them() {
    for (schema, payload, kept) in [
        (json!({ "properties": { "a": {} } }), json!({ "a": { "b": 1 }, "b": 1 }), json!({ "a": {} })),
        (json!({ "patternProperties": { "^x-": true } }), json!({ "x-a": 1, "ax-": 1 }), json!({ "x-a": 1 })),
        (json!({ "additionalProperties": { "type": "integer" } }), json!({ "a": 1 }), json!({ "a": 1 })),
        (json!({ "additionalProperties": {} }), json!({ "a": 1 }), json!({})),
        (json!({ "additionalProperties": true }), json!({ "a": 1 }), json!({})),
        (json!({ "unevaluatedProperties": { "type": "integer" } }), json!({ "a": 1 }), json!({ "a": 1 })),
        (json!({ "required": ["a"] }), json!({ "a": { "b": 1 }, "b": 1 }), json!({ "a": {} })),
        (json!({ "enum": [1, { "a": { "b": 1 } }] }), json!({ "a": { "b": 1.0 } }), json!({ "a": { "b": 1.0 } })),
        (json!({ "enum": [1, { "a": { "b": 1 } }] }), json!({ "a": { "b": 2 } }), json!({})),
        (
            json!({ "oneOf": [{ "properties": { "a": {} } }, { "not": { "properties": { "b": {} } } }] }),
            json!({ "a": 1, "b": 2, "c": 3 }),
            json!({ "a": 1, "b": 2 }),
        ),
        (
            json!({ "dependentSchemas": { "a": { "properties": { "b": {} } } } }),
            json!({ "a": 1, "b": 2, "c": 3 }),
            json!({ "a": 1, "b": 2 }),
        ),
        (
            json!({ "properties": { "a": { "$ref": "#" } }, "items": { "properties": { "b": {} } } }),
            json!({ "a": { "a": {}, "b": 1 } }),
            json!({ "a": { "a": {} } }),
        ),
        (
            json!({ "prefixItems": [{ "properties": { "a": {} } }], "contains": { "properties": { "b": {} } } }),
            json!([{ "a": 1, "b": 1, "c": 1 }, { "a": 1, "b": 1 }]),
            json!([{ "a": 1, "b": 1 }, { "b": 1 }]),
        ),
    ] {
        assert_eq!(pruned(&schema, &payload), kept, "{schema}");
        assert_eq!(is_all(&schema, &payload), payload == kept);
        assert!(is_all(&schema, &kept));
    }
}

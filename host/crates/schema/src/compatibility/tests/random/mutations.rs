//! Random changes of a schema, some of known meaning.

use serde_json::{Map, Value, json};

use super::{
    dice::Dice,
    grammar::{constant, fragment},
    pool::{FORMATS, NAMES, PATTERNS},
};

/// The effect of a change on the payloads that a schema accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The same payloads are accepted.
    Neutral,
    /// No payload is refused that was accepted.
    Widening,
    /// No payload is accepted that was refused, if the changed place is not negated.
    Narrowing,
    /// Any effect.
    Any,
}

/// Keywords through which a wider subschema makes the whole schema wider. References may lead here from
/// elsewhere, so documents with both references and negations have none.
const POSITIVE: [&str; 10] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "items",
    "prefixItems",
    "allOf",
    "anyOf",
    "then",
    "else",
    "dependentSchemas",
];
const NEGATIVE: [&str; 7] =
    ["oneOf", "not", "if", "contains", "unevaluatedProperties", "unevaluatedItems", "propertyNames"];
/// Keywords that hold a map of schemas.
const MAPS: [&str; 4] = ["properties", "patternProperties", "dependentSchemas", "$defs"];

/// Changes the schema once, if a place for the change is found.
pub(super) fn mutate(schema: &mut Value, kind: Kind, dice: &mut Dice) {
    let is_tangled = mentions(schema, &["$ref"]) && mentions(schema, &NEGATIVE);
    if kind == Kind::Widening && is_tangled {
        return;
    }
    let has_unevaluated = mentions(schema, &["unevaluatedProperties", "unevaluatedItems"]);
    for _ in 0..20 {
        let mut places = Vec::new();
        find_places(schema, String::new(), kind == Kind::Widening, &mut places);
        let pointer = places[dice.below(places.len())].clone();
        let change = match kind {
            Kind::Any => [Kind::Neutral, Kind::Widening, Kind::Narrowing, Kind::Any, Kind::Any][dice.below(5)],
            known => known,
        };
        if change == Kind::Neutral && dice.chance(15) && move_to_definition(schema, &pointer, dice) {
            return;
        }
        let Some(place) = schema.pointer_mut(&pointer) else {
            continue;
        };
        let is_root = pointer.is_empty();
        let is_done = match change {
            Kind::Neutral => reword(place, is_root, has_unevaluated, dice),
            Kind::Widening => widen(place, is_root, dice),
            Kind::Narrowing => narrow(place, dice),
            Kind::Any => disturb(place, is_root, dice),
        };
        if is_done {
            return;
        }
    }
}

/// Whether one of the words is a key anywhere.
fn mentions(value: &Value, words: &[&str]) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, inner)| words.contains(&key.as_str()) || mentions(inner, words)),
        Value::Array(list) => list.iter().any(|inner| mentions(inner, words)),
        _ => false,
    }
}

/// The pointers of all subschemas, or of those only that are not negated.
fn find_places(schema: &Value, at: String, is_positive: bool, found: &mut Vec<String>) {
    let Some(map) = schema.as_object() else {
        return found.push(at);
    };
    for (keyword, value) in map {
        let known = POSITIVE.contains(&keyword.as_str())
            || keyword == "$defs"
            || (!is_positive && NEGATIVE.contains(&keyword.as_str()));
        if !known {
            continue;
        }
        match value {
            Value::Object(members) if MAPS.contains(&keyword.as_str()) => {
                for (name, member) in members {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    find_places(member, format!("{at}/{keyword}/{name}"), is_positive, found);
                }
            }
            Value::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    find_places(item, format!("{at}/{keyword}/{index}"), is_positive, found);
                }
            }
            one => find_places(one, format!("{at}/{keyword}"), is_positive, found),
        }
    }
    found.push(at);
}

fn move_to_definition(schema: &mut Value, pointer: &str, dice: &mut Dice) -> bool {
    let is_inside = pointer.is_empty() || pointer.starts_with("/$defs");
    let name = format!("moved{}", dice.below(3));
    if is_inside || schema.pointer(&format!("/$defs/{name}")).is_some() {
        return false;
    }
    let Some(place) = schema.pointer_mut(pointer) else {
        return false;
    };
    let moved = std::mem::replace(place, json!({ "$ref": format!("#/$defs/{name}") }));
    if schema.get("$defs").is_none() {
        schema["$defs"] = json!({});
    }
    schema["$defs"][name] = moved;
    true
}

/// Rewords a schema: the meaning stays the same.
fn reword(schema: &mut Value, is_root: bool, has_unevaluated: bool, dice: &mut Dice) -> bool {
    if !is_root && dice.chance(25) {
        let inner = schema.take();
        *schema = match dice.below(if has_unevaluated { 3 } else { 4 }) {
            0 => json!({ "allOf": [inner] }),
            1 => json!({ "anyOf": [inner, false] }),
            2 => json!({ "anyOf": [inner, inner] }),
            _ => json!({ "not": { "not": inner } }),
        };
        return true;
    }
    let Some(map) = schema.as_object_mut() else {
        return false;
    };
    match dice.below(8) {
        0 => add(map, "description", json!("words")),
        1 => add(map, "default", constant(dice)),
        2 => add(map, dice.pick(&["title", "$comment", "x-vendor"]), json!("words")),
        3 => add(map, dice.pick(&["minLength", "minItems", "minProperties"]), json!(0)),
        4 => {
            for list in ["type", "enum", "required", "anyOf", "oneOf"] {
                if let Some(list) = map.get_mut(list).and_then(Value::as_array_mut) {
                    list.reverse();
                }
            }
            let members: Vec<_> = std::mem::take(map).into_iter().collect();
            map.extend(members.into_iter().rev());
            true
        }
        5 => match (map.get("const").cloned(), map.get("type").cloned()) {
            (Some(constant), _) => {
                map.shift_remove("const");
                add(map, "enum", json!([constant]))
            }
            (None, Some(Value::String(kind))) => map.insert("type".to_owned(), json!([kind])).is_some(),
            _ => false,
        },
        6 => add(map, "propertyNames", json!({ "type": "string" })),
        _ => add(map, dice.pick(&["uniqueItems", "deprecated"]), json!(false)),
    }
}

/// Adds a keyword, unless the schema has it.
fn add(map: &mut Map<String, Value>, keyword: &str, value: Value) -> bool {
    let is_new = !map.contains_key(keyword);
    if is_new {
        map.insert(keyword.to_owned(), value);
    }
    is_new
}

/// Adds to the number of a keyword, unless that makes a count negative.
fn shift(map: &mut Map<String, Value>, keyword: &str, by: i64) -> bool {
    let Some(number) = map.get(keyword).and_then(Value::as_i64) else {
        return false;
    };
    let is_count =
        keyword.starts_with("min") && keyword != "minimum" || keyword.starts_with("max") && keyword != "maximum";
    match number.checked_add(by) {
        Some(shifted) if !is_count || shifted >= 0 => map.insert(keyword.to_owned(), json!(shifted)).is_some(),
        _ => false,
    }
}

const LOWER: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
const UPPER: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

/// Makes a schema accept more.
fn widen(schema: &mut Value, is_root: bool, dice: &mut Dice) -> bool {
    if !is_root && dice.chance(10) {
        *schema = json!({ "anyOf": [schema.take(), fragment(dice)] });
        return true;
    }
    let Some(map) = schema.as_object_mut() else {
        return false;
    };
    match dice.below(8) {
        0 => shift(map, dice.pick(&UPPER), dice.between(1, 3)),
        1 => shift(map, dice.pick(&LOWER), dice.between(-3, -1)),
        2 => {
            let droppable =
                ["pattern", "format", "multipleOf", "uniqueItems", "required", "dependentRequired", "enum", "type"];
            map.shift_remove(dice.pick(&droppable)).is_some()
        }
        3 => match map.get("type").cloned() {
            Some(Value::String(kind)) if kind == "integer" => map.insert("type".to_owned(), json!("number")).is_some(),
            Some(Value::String(kind)) if kind != "null" => {
                map.insert("type".to_owned(), json!([kind, "null"])).is_some()
            }
            _ => false,
        },
        4 => match (map.get("const").cloned(), map.get_mut("enum").and_then(Value::as_array_mut)) {
            (Some(constant), None) => {
                map.shift_remove("const");
                add(map, "enum", json!([constant, "more"]))
            }
            (_, Some(list)) => {
                list.push(json!("more"));
                list.iter().filter(|value| **value == "more").count() == 1
            }
            _ => false,
        },
        5 => map.get_mut("required").and_then(Value::as_array_mut).is_some_and(|list| {
            let at = dice.below(list.len());
            at < list.len() && !list.remove(at).is_null()
        }),
        6 if map.get("additionalProperties") == Some(&json!(false)) => {
            // A name that a pattern matches was allowed before, so it must not get a schema.
            if dice.chance(50) || map.contains_key("patternProperties") {
                map.shift_remove("additionalProperties");
            } else if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
                return add(properties, dice.pick(&NAMES), fragment(dice));
            }
            true
        }
        _ => map.get_mut("anyOf").and_then(Value::as_array_mut).is_some_and(|list| {
            list.push(fragment(dice));
            true
        }),
    }
}

/// Makes a schema accept less.
fn narrow(schema: &mut Value, dice: &mut Dice) -> bool {
    let Some(map) = schema.as_object_mut() else {
        return false;
    };
    match dice.below(10) {
        0 => shift(map, dice.pick(&UPPER), dice.between(-3, -1)),
        1 => shift(map, dice.pick(&LOWER), dice.between(1, 3)),
        2 => add(map, "maxLength", json!(dice.below(6))) || add(map, "minLength", json!(1)),
        3 => add(map, "maximum", json!(dice.between(0, 20))) || add(map, "minimum", json!(dice.between(-2, 2))),
        4 => add(map, "pattern", json!(PATTERNS[dice.below(PATTERNS.len())].0)),
        5 => add(map, "format", json!(FORMATS[dice.below(FORMATS.len())].0)),
        6 => match map.get_mut(dice.pick(&["type", "enum", "anyOf"])) {
            Some(Value::Array(list)) if list.len() > 1 => !list.remove(dice.below(list.len())).is_null(),
            Some(kind) if *kind == "number" => {
                *kind = json!("integer");
                true
            }
            _ => false,
        },
        7 => {
            let names = map.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
            let names: Vec<Value> = names.map(|name| json!(name)).collect();
            let name = dice.choose(&names).cloned().unwrap_or(json!("a"));
            let required = map.entry("required").or_insert(json!([])).as_array_mut();
            required.is_some_and(|list| {
                let is_new = !list.contains(&name);
                if is_new {
                    list.push(name);
                }
                is_new
            })
        }
        8 => add(map, "additionalProperties", json!(false)),
        _ => {
            add(map, dice.pick(&["uniqueItems", "allOf"]), json!(null)) && {
                if map.shift_remove("uniqueItems").is_some() {
                    add(map, "uniqueItems", json!(true))
                } else {
                    map.insert("allOf".to_owned(), json!([fragment(dice)])).is_some()
                }
            }
        }
    }
}

/// Changes a schema, with any effect.
fn disturb(schema: &mut Value, is_root: bool, dice: &mut Dice) -> bool {
    if !is_root && dice.chance(25) {
        *schema = match dice.below(4) {
            0 => json!({ "not": schema.take() }),
            1 => json!({ "allOf": [schema.take(), fragment(dice)] }),
            2 => json!({ "oneOf": [schema.take(), fragment(dice)] }),
            _ => fragment(dice),
        };
        return true;
    }
    let Some(map) = schema.as_object_mut() else {
        return false;
    };
    match dice.below(8) {
        0 if map.len() > 1 => {
            let keyword = map.keys().nth(dice.below(map.len())).cloned().filter(|keyword| keyword != "$defs");
            keyword.is_some_and(|keyword| map.shift_remove(&keyword).is_some())
        }
        1 | 2 => map.get_mut("properties").and_then(Value::as_object_mut).is_some_and(|properties| {
            let name = properties.keys().nth(dice.below(properties.len())).cloned();
            let schema = name.and_then(|name| properties.shift_remove(&name)).unwrap_or_else(|| fragment(dice));
            dice.chance(50) || add(properties, dice.pick(&NAMES), schema)
        }),
        3 => map
            .get_mut("properties")
            .and_then(Value::as_object_mut)
            .is_some_and(|properties| add(properties, dice.pick(&NAMES), fragment(dice))),
        4 => match (map.shift_remove("anyOf"), map.shift_remove("oneOf")) {
            (Some(list), None) => add(map, "oneOf", list),
            (None, Some(list)) => add(map, "anyOf", list),
            _ => false,
        },
        5 => {
            let keyword = dice.pick(&["additionalProperties", "unevaluatedProperties", "unevaluatedItems", "items"]);
            map.insert(keyword.to_owned(), if dice.chance(50) { json!(false) } else { fragment(dice) });
            true
        }
        6 => add(map, dice.pick(&["not", "if", "then", "else", "contains", "propertyNames"]), fragment(dice)),
        _ => {
            let donor = fragment(dice);
            let donated = donor.as_object().and_then(|donor| donor.iter().next());
            donated.is_some_and(|(keyword, value)| {
                map.insert(keyword.clone(), value.clone());
                true
            })
        }
    }
}

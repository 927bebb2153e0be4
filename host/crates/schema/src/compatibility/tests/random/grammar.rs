//! Random schemas from a grammar that has every keyword: wilder than any written by hand.

use serde_json::{Map, Value, json};

use super::{
    dice::Dice,
    pool::{FORMATS, NAMES, PATTERNS},
};

const TYPES: [&str; 7] = ["object", "array", "string", "integer", "number", "boolean", "null"];

/// A schema with references to definitions, some of which lead back.
pub(super) fn document(dice: &mut Dice) -> Value {
    let definitions = [0, 0, 1, 2][dice.below(4)];
    let mut grammar = Grammar { definitions, first: 0, left: 4 + dice.below(16) };
    let mut root = grammar.root(dice);
    if definitions > 0 {
        let map: Map<String, Value> = (0..definitions)
            .map(|number| {
                // In place a definition refers to later ones only, so that every circle descends.
                grammar.first = number + 1;
                grammar.left = 1 + dice.below(6);
                let mut definition = with_members(grammar.schema(1, dice));
                definition["$anchor"] = json!(format!("n{number}"));
                definition["$dynamicAnchor"] = json!(format!("m{number}"));
                (format!("d{number}"), definition)
            })
            .collect();
        root["$defs"] = Value::Object(map);
    }
    root
}

/// A small schema without references.
pub(super) fn fragment(dice: &mut Dice) -> Value {
    Grammar { definitions: 0, first: 0, left: 1 + dice.below(4) }.schema(1, dice)
}

/// A value as schemas list it in `enum` or `const`.
pub(super) fn constant(dice: &mut Dice) -> Value {
    let all = [
        json!("a"),
        json!("b"),
        json!("abc"),
        json!(""),
        json!(0),
        json!(1),
        json!(1.0),
        json!(2),
        json!(-1),
        json!(0.5),
        json!(true),
        json!(false),
        json!(null),
        json!([]),
        json!([1]),
        json!({}),
        json!({ "a": 1 }),
        json!("2026-05-04"),
    ];
    all[dice.below(all.len())].clone()
}

struct Grammar {
    /// The number of definitions.
    definitions: usize,
    /// The first definition that may be referred to in place.
    first: usize,
    /// Subschemas that may still be drawn.
    left: usize,
}

impl Grammar {
    /// The root: mostly one for objects, as most payloads are.
    fn root(&mut self, dice: &mut Dice) -> Value {
        let mut schema = Map::new();
        match dice.below(10) {
            0 => self.add_array(&mut schema, 2, dice),
            1 => return with_members(self.schema(2, dice)),
            _ => self.add_object(&mut schema, 2, dice),
        }
        if dice.chance(50) {
            self.add_branches(&mut schema, 2, dice);
        }
        Value::Object(schema)
    }

    /// A schema that descends at most `levels` levels into its value.
    fn schema(&mut self, levels: usize, dice: &mut Dice) -> Value {
        if self.left == 0 {
            return leaf(dice);
        }
        self.left -= 1;
        let mut schema = Map::new();
        match dice.below(20) {
            0 => return Value::Bool(dice.chance(60)),
            1 => {}
            2..=4 if levels > 0 => self.add_array(&mut schema, levels, dice),
            5..=9 if levels > 0 => self.add_object(&mut schema, levels, dice),
            10 | 11 if self.first < self.definitions => {
                let number = self.first + dice.below(self.definitions - self.first);
                schema.extend(reference(number, dice));
            }
            _ => return self.perhaps_branched(leaf(dice), levels, dice),
        }
        self.perhaps_branched(Value::Object(schema), levels, dice)
    }

    fn perhaps_branched(&mut self, mut schema: Value, levels: usize, dice: &mut Dice) -> Value {
        if let Some(map) = schema.as_object_mut().filter(|_| dice.chance(25)) {
            self.add_branches(map, levels, dice);
        }
        schema
    }

    /// A schema one level down, where references may lead anywhere.
    fn inner(&mut self, levels: usize, dice: &mut Dice) -> Value {
        if dice.chance(10) {
            let number = dice.below(self.definitions + 1);
            return if number == self.definitions {
                json!({ "$ref": "#" })
            } else {
                Value::Object(reference(number, dice))
            };
        }
        let first = std::mem::replace(&mut self.first, 0);
        let schema = self.schema(levels.saturating_sub(1), dice);
        self.first = first;
        schema
    }

    fn add_object(&mut self, schema: &mut Map<String, Value>, levels: usize, dice: &mut Dice) {
        if dice.chance(70) {
            schema.insert("type".to_owned(), json!("object"));
        }
        let mut names: Vec<&str> = NAMES.into_iter().filter(|_| dice.chance(40)).collect();
        names.truncate(4);
        let properties: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), self.inner(levels, dice))).collect();
        schema.insert("properties".to_owned(), Value::Object(properties));
        let extra = dice.below(3);
        for _ in 0..=extra {
            let (keyword, value) = self.object_keyword(&names, levels, dice);
            schema.insert(keyword.to_owned(), value);
        }
    }

    fn object_keyword(&mut self, names: &[&str], levels: usize, dice: &mut Dice) -> (&'static str, Value) {
        let any_name = |dice: &mut Dice| {
            let known = if names.is_empty() || dice.chance(10) { &NAMES[..] } else { names };
            dice.pick(known)
        };
        match dice.below(18) {
            0..=5 => ("required", names.iter().filter(|_| dice.chance(50)).map(|name| json!(name)).collect()),
            6..=8 => ("additionalProperties", json!(false)),
            9 => ("additionalProperties", self.inner(levels, dice)),
            10 => ("unevaluatedProperties", if dice.chance(60) { json!(false) } else { self.inner(levels, dice) }),
            11 => {
                let pattern = PATTERNS[dice.below(8)].0;
                ("patternProperties", json!({ pattern: self.inner(levels, dice) }))
            }
            12 => (
                "propertyNames",
                [json!({ "pattern": "^[a-c]{1,3}$" }), json!({ "maxLength": 2 }), json!({ "enum": ["a", "b", "x_1"] })]
                    [dice.below(3)]
                .clone(),
            ),
            13 => ("minProperties", json!(dice.below(3))),
            14 => ("maxProperties", json!(1 + dice.below(3))),
            15 => ("dependentRequired", json!({ any_name(dice): [any_name(dice)] })),
            16 => ("dependentSchemas", json!({ any_name(dice): self.schema(levels, dice) })),
            _ => ("required", json!([any_name(dice)])),
        }
    }

    fn add_array(&mut self, schema: &mut Map<String, Value>, levels: usize, dice: &mut Dice) {
        if dice.chance(70) {
            schema.insert("type".to_owned(), json!("array"));
        }
        for _ in 0..=dice.below(3) {
            let (keyword, value) = match dice.below(12) {
                0..=3 => ("items", self.inner(levels, dice)),
                4 => ("prefixItems", (0..=dice.below(2)).map(|_| self.inner(levels, dice)).collect()),
                5 => ("minItems", json!(dice.below(3))),
                6 => ("maxItems", json!(dice.below(4))),
                7 => ("uniqueItems", json!(dice.chance(80))),
                8 => ("contains", self.inner(levels, dice)),
                9 => ("minContains", json!(dice.below(3))),
                10 => ("maxContains", json!(1 + dice.below(2))),
                _ => ("unevaluatedItems", if dice.chance(50) { json!(false) } else { self.inner(levels, dice) }),
            };
            schema.insert(keyword.to_owned(), value);
        }
    }

    fn add_branches(&mut self, schema: &mut Map<String, Value>, levels: usize, dice: &mut Dice) {
        let several = |grammar: &mut Self, dice: &mut Dice| -> Value {
            (0..=1 + dice.below(2)).map(|_| grammar.schema(levels, dice)).collect()
        };
        match dice.below(8) {
            0 | 1 => drop(schema.insert("allOf".to_owned(), several(self, dice))),
            2 | 3 => drop(schema.insert("anyOf".to_owned(), several(self, dice))),
            4 | 5 => drop(schema.insert("oneOf".to_owned(), several(self, dice))),
            6 => drop(schema.insert("not".to_owned(), self.schema(levels, dice))),
            _ => {
                for keyword in ["if", "then", "else"] {
                    if dice.chance(80) {
                        schema.insert(keyword.to_owned(), self.schema(levels, dice));
                    }
                }
            }
        }
    }
}

/// A reference to a definition, in one of the ways to write it.
fn reference(number: usize, dice: &mut Dice) -> Map<String, Value> {
    let (keyword, target) = match dice.below(6) {
        0 => ("$ref", format!("#n{number}")),
        1 => ("$dynamicRef", format!("#m{number}")),
        _ => ("$ref", format!("#/$defs/d{number}")),
    };
    Map::from_iter([(keyword.to_owned(), json!(target))])
}

/// The schema as an object, which the root has to be.
fn with_members(schema: Value) -> Value {
    match schema {
        Value::Object(_) => schema,
        boolean => json!({ "allOf": [boolean] }),
    }
}

/// A schema without subschemas.
fn leaf(dice: &mut Dice) -> Value {
    let mut schema = json!({});
    match dice.below(10) {
        0 => schema["const"] = constant(dice),
        1 | 2 => schema["enum"] = (0..=dice.below(4)).map(|_| constant(dice)).collect(),
        3 => {
            let kinds: Vec<&str> = TYPES.into_iter().filter(|_| dice.chance(35)).collect();
            schema["type"] = if kinds.is_empty() { json!("boolean") } else { json!(kinds) };
        }
        4 => {
            schema["type"] = json!(dice.pick(&TYPES));
            schema["nullable"] = json!(dice.chance(80));
        }
        5..=7 => {
            if dice.chance(80) {
                schema["type"] = json!("string");
            }
            add_text_keywords(&mut schema, dice);
        }
        _ => {
            if dice.chance(80) {
                schema["type"] = json!(dice.pick(&["integer", "number"]));
            }
            add_number_keywords(&mut schema, dice);
        }
    }
    schema
}

fn add_text_keywords(schema: &mut Value, dice: &mut Dice) {
    for _ in 0..dice.below(3) {
        match dice.below(6) {
            0 | 1 => schema["maxLength"] = json!(dice.below(5)),
            2 => schema["minLength"] = json!(dice.below(4)),
            3 => schema["format"] = json!(FORMATS[dice.below(FORMATS.len())].0),
            _ => schema["pattern"] = json!(PATTERNS[dice.below(PATTERNS.len())].0),
        }
    }
}

fn add_number_keywords(schema: &mut Value, dice: &mut Dice) {
    for _ in 0..dice.below(3) {
        let bound = if dice.chance(80) { json!(dice.between(-3, 10)) } else { json!(0.5) };
        match dice.below(5) {
            0 => schema["minimum"] = bound,
            1 => schema["maximum"] = bound,
            2 => schema["exclusiveMinimum"] = bound,
            3 => schema["exclusiveMaximum"] = bound,
            _ => {
                let steps = [json!(1), json!(2), json!(3), json!(0.5), json!(0.1), json!(10)];
                schema["multipleOf"] = steps[dice.below(steps.len())].clone();
            }
        }
    }
}

#[test]
fn the_grammar_has_every_keyword() {
    let mut dice = Dice::new(1);
    let drawn: String = (0..2_000).map(|_| document(&mut dice).to_string()).collect();
    for keyword in [
        "$ref",
        "$dynamicRef",
        "$anchor",
        "$dynamicAnchor",
        "$defs",
        "type",
        "nullable",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "properties",
        "required",
        "patternProperties",
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "dependentSchemas",
        "items",
        "prefixItems",
        "contains",
        "minContains",
        "maxContains",
        "minItems",
        "maxItems",
        "uniqueItems",
        "unevaluatedItems",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
    ] {
        assert!(drawn.contains(&format!("\"{keyword}\":")), "{keyword} was never drawn");
    }
}

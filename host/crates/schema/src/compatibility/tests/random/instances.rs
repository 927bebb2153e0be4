//! Builds payloads that a schema accepts, from the schema.
//!
//! A payload is built by going down the schema and choosing: a branch, a type, which members to
//! have. The result is a good guess and no more, since a choice may break a keyword beside it. The
//! validator has the last word.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::{
    super::declared::{matches, target},
    dice::Dice,
    pool::{FORMATS, PATTERNS, Pool, samples},
};

const TYPES: [&str; 7] = ["object", "array", "string", "integer", "number", "boolean", "null"];

/// The schemas that a value is built for, all of which it should satisfy.
type Goals<'a> = Vec<&'a Map<String, Value>>;

/// Levels down to which values are built; members that are required below may be missing.
const LEVELS: usize = 8;
/// Values in one payload at most: a schema that refers to itself several times would want more on
/// every level.
const VALUES_MAX: usize = 300;
/// The last levels, where only required members are built.
const LAST_LEVELS: usize = 3;

/// Builds payloads for a schema.
pub(super) struct Builder<'a> {
    root: &'a Value,
    pool: &'a Pool,
    /// Values that may still be built.
    left: Cell<usize>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(root: &'a Value, pool: &'a Pool) -> Self {
        Self { root, pool, left: Cell::new(0) }
    }

    /// A payload that the schema probably accepts.
    pub(super) fn build(&self, dice: &mut Dice) -> Value {
        self.left.set(VALUES_MAX);
        self.value(&[self.root], LEVELS, dice)
    }

    fn value(&self, schemas: &[&'a Value], levels: usize, dice: &mut Dice) -> Value {
        if levels == 0 || self.left.get() == 0 {
            return self.pool.any(dice, 0);
        }
        self.left.set(self.left.get() - 1);
        let mut goals = Goals::new();
        for schema in schemas {
            self.expand(schema, &mut goals, dice);
        }
        if let Some(spelled) = spelled_out(&goals, dice) {
            return spelled;
        }
        match kind(&goals, dice) {
            "object" => self.object(&goals, levels, dice),
            "array" => self.array(&goals, levels, dice),
            "string" => json!(self.text(&goals, dice)),
            "integer" => self.number(&goals, true, dice),
            "number" => self.number(&goals, false, dice),
            "boolean" => json!(dice.chance(50)),
            "null" => Value::Null,
            _ => self.pool.any(dice, levels.min(2)),
        }
    }

    /// Adds a schema with the branches that are chosen to hold.
    fn expand(&self, schema: &'a Value, goals: &mut Goals<'a>, dice: &mut Dice) {
        let Some(schema) = schema.as_object() else {
            return;
        };
        if goals.iter().any(|known| std::ptr::eq(*known, schema)) {
            return;
        }
        goals.push(schema);
        for reference in ["$ref", "$dynamicRef"].iter().filter_map(|keyword| schema.get(*keyword)?.as_str()) {
            if let Some(target) = target(self.root, reference) {
                self.expand(target, goals, dice);
            }
        }
        for branch in list(schema, "allOf") {
            self.expand(branch, goals, dice);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branch) = dice.choose(list(schema, keyword)) {
                self.expand(branch, goals, dice);
            }
        }
        if let Some(condition) = schema.get("if") {
            let holds = dice.chance(50);
            if holds {
                self.expand(condition, goals, dice);
            }
            if let Some(consequence) = schema.get(if holds { "then" } else { "else" }) {
                self.expand(consequence, goals, dice);
            }
        }
        for dependent in schema.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(Map::values) {
            if dice.chance(50) {
                self.expand(dependent, goals, dice);
            }
        }
    }

    fn object(&self, goals: &Goals<'a>, levels: usize, dice: &mut Dice) -> Value {
        let mut names = Vec::new();
        for goal in goals {
            names.extend(list(goal, "required").iter().filter_map(Value::as_str));
        }
        if levels > LAST_LEVELS {
            add_optional_names(goals, &mut names, dice);
        }
        let mut members = Map::new();
        for name in names {
            let schemas = of_member(goals, name);
            members.insert(name.to_owned(), self.value(&schemas, levels - 1, dice));
        }
        for goal in goals {
            let required = goal.get("dependentRequired").and_then(Value::as_object).into_iter().flatten();
            for name in required.filter_map(|(_, names)| names.as_array()).flatten().filter_map(Value::as_str) {
                if !members.contains_key(name) && dice.chance(60) {
                    let schemas = of_member(goals, name);
                    members.insert(name.to_owned(), self.value(&schemas, levels - 1, dice));
                }
            }
        }
        Value::Object(members)
    }

    fn array(&self, goals: &Goals<'a>, levels: usize, dice: &mut Dice) -> Value {
        let least = most_of(goals, "minItems").max(most_of(goals, "minContains"));
        let prefix = goals.iter().map(|goal| list(goal, "prefixItems").len()).max().unwrap_or(0);
        let most = least_of(goals, "maxItems").unwrap_or(least.max(prefix) + 2).min(least.max(prefix) + 3);
        let few = if levels <= LAST_LEVELS { least } else { most.max(least) };
        let length = least + dice.below(few - least + 1);
        let contained: Vec<&Value> = goals.iter().filter_map(|goal| goal.get("contains")).collect();
        let elements = (0..length).map(|index| {
            let mut schemas = Vec::new();
            for goal in goals {
                let own = list(goal, "prefixItems").get(index).or_else(|| goal.get("items"));
                schemas.extend(own.or_else(|| goal.get("unevaluatedItems")));
            }
            if dice.chance(60) {
                schemas.extend(dice.choose(&contained));
            }
            self.value(&schemas, levels - 1, dice)
        });
        let elements: Vec<Value> = elements.collect();
        let mut distinct: Vec<Value> = Vec::new();
        for element in elements {
            let is_unique = goals.iter().any(|goal| goal.get("uniqueItems") == Some(&json!(true)));
            if !is_unique || !distinct.contains(&element) {
                distinct.push(element);
            }
        }
        Value::Array(distinct)
    }

    fn text(&self, goals: &Goals<'_>, dice: &mut Dice) -> String {
        let mut texts: Vec<&str> = Vec::new();
        for goal in goals {
            texts.extend(
                goal.get("pattern").and_then(Value::as_str).into_iter().flat_map(|key| samples(&PATTERNS, key)),
            );
            texts.extend(goal.get("format").and_then(Value::as_str).into_iter().flat_map(|key| samples(&FORMATS, key)));
        }
        if let Some(text) = dice.choose(&texts).filter(|_| dice.chance(80)) {
            return (*text).to_owned();
        }
        let least = most_of(goals, "minLength").min(300);
        let most = least_of(goals, "maxLength").unwrap_or(least + 3).min(least + 300);
        if dice.chance(40) {
            return self.pool.text(dice).to_owned();
        }
        let length = if dice.chance(30) { most } else { least + dice.below(most.saturating_sub(least) + 1) };
        dice.pick(&["a", "b", "1", "Z", "ü"]).repeat(length)
    }

    fn number(&self, goals: &Goals<'_>, is_integer: bool, dice: &mut Dice) -> Value {
        let mut near: Vec<f64> = Vec::new();
        for goal in goals {
            for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
                let bound = goal.get(keyword).and_then(Value::as_f64);
                near.extend(bound.into_iter().flat_map(|bound| [bound, bound - 1.0, bound + 1.0, bound + 0.5]));
            }
            if let Some(step) = goal.get("multipleOf").and_then(Value::as_f64) {
                near.extend([-3.0, -1.0, 0.0, 1.0, 2.0, 5.0, 6.0, 30.0].map(|times| times * step));
            }
        }
        let number = match dice.choose(&near).filter(|_| dice.chance(75)) {
            Some(number) => *number,
            None => self.pool.number(dice).as_f64().unwrap_or(0.0),
        };
        let number = if is_integer { number.round() } else { number };
        // A whole number has two spellings.
        if number.fract() == 0.0 && number.abs() < 1e15 && dice.chance(80) {
            return serde_json::from_str(&format!("{number:.0}")).expect("an integer");
        }
        json!(number)
    }
}

fn spelled_out(goals: &Goals<'_>, dice: &mut Dice) -> Option<Value> {
    let constants: Vec<&Value> = goals.iter().filter_map(|goal| goal.get("const")).collect();
    if let Some(constant) = dice.choose(&constants) {
        return Some((*constant).clone());
    }
    let lists: Vec<&[Value]> = goals.iter().map(|goal| list(goal, "enum")).filter(|list| !list.is_empty()).collect();
    let (first, others) = lists.split_first()?;
    let common: Vec<&Value> = first.iter().filter(|value| others.iter().all(|list| list.contains(value))).collect();
    dice.choose(&common).map(|value| (*value).clone())
}

/// The type to build: one that all goals allow, or one that their other keywords speak about.
fn kind(goals: &Goals<'_>, dice: &mut Dice) -> &'static str {
    let allowed: Vec<&str> = TYPES.into_iter().filter(|kind| goals.iter().all(|goal| allows(goal, kind))).collect();
    if allowed.len() < TYPES.len() {
        return dice.choose(&allowed).copied().unwrap_or("");
    }
    let speaks_of = |keywords: &[&str]| goals.iter().any(|goal| keywords.iter().any(|word| goal.contains_key(*word)));
    let spoken_of = [
        ("object", &["properties", "required", "patternProperties", "additionalProperties", "propertyNames"][..]),
        ("object", &["minProperties", "maxProperties", "dependentRequired", "unevaluatedProperties"][..]),
        ("array", &["items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems"][..]),
        ("string", &["pattern", "minLength", "maxLength", "format"][..]),
        ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"][..]),
    ];
    let kinds: Vec<&str> =
        spoken_of.into_iter().filter(|(_, keywords)| speaks_of(keywords)).map(|(kind, _)| kind).collect();
    dice.choose(&kinds).copied().filter(|_| dice.chance(85)).unwrap_or("")
}

fn add_optional_names<'a>(goals: &Goals<'a>, names: &mut Vec<&'a str>, dice: &mut Dice) {
    let often = [20, 60, 95][dice.below(3)];
    for goal in goals {
        let optional = goal.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        names.extend(optional.map(String::as_str).filter(|_| dice.chance(often)));
        let patterns = goal.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        for pattern in patterns.filter(|_| dice.chance(often)).collect::<Vec<_>>() {
            let texts: Vec<&str> = samples(&PATTERNS, pattern).collect();
            names.extend(dice.choose(&texts));
        }
    }
}

/// The schemas of the goals for a member.
fn of_member<'a>(goals: &Goals<'a>, name: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for goal in goals {
        let before = found.len();
        found.extend(goal.get("properties").and_then(|map| map.get(name)));
        let patterns = goal.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        found.extend(patterns.filter(|(pattern, _)| matches(pattern, name)).map(|(_, schema)| schema));
        if found.len() == before {
            found.extend(goal.get("additionalProperties"));
        }
    }
    if found.is_empty() {
        found.extend(goals.iter().filter_map(|goal| goal.get("unevaluatedProperties")));
    }
    found
}

fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> &'a [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn allows(goal: &Map<String, Value>, kind: &str) -> bool {
    let is_one = |named: &Value| named == kind || (named == "number" && kind == "integer");
    match goal.get("type") {
        None => true,
        _ if kind == "null" && goal.get("nullable") == Some(&json!(true)) => true,
        Some(Value::Array(several)) => several.iter().any(is_one),
        Some(single) => is_one(single),
    }
}

fn counts<'a>(goals: &'a Goals<'_>, keyword: &'a str) -> impl Iterator<Item = usize> + 'a {
    goals.iter().filter_map(move |goal| usize::try_from(goal.get(keyword)?.as_u64()?).ok())
}

fn most_of(goals: &Goals<'_>, keyword: &str) -> usize {
    counts(goals, keyword).max().unwrap_or(0)
}

fn least_of(goals: &Goals<'_>, keyword: &str) -> Option<usize> {
    counts(goals, keyword).min()
}

//! Values that are worth trying, from the schemas of a pair: their own constants, numbers just within
//! and just beyond their bounds, texts that their patterns and formats accept or refuse.

use serde_json::{Value, json};

use super::dice::Dice;

/// The patterns that the tests use, each with texts that it matches and, last, one that it may not.
pub(super) const PATTERNS: [(&str, &[&str]); 16] = [
    ("^a", &["a", "ab", "abc", "b"]),
    ("b$", &["b", "ab", "bb", "a"]),
    ("^[a-z]+$", &["a", "abc", "zz", "A1"]),
    ("^[a-z0-9]+$", &["a1", "abc", "9", "A"]),
    ("^[a-c]{1,3}$", &["a", "abc", "cc", "abcd"]),
    ("^[a-c]{1,2}$", &["a", "bc", "abc"]),
    ("^x_", &["x_", "x_a", "ax_"]),
    ("^x-", &["x-", "x-trace", "y"]),
    ("^(a|b|ab)$", &["a", "b", "ab", "c"]),
    (r"\d", &["1", "a1", "a"]),
    (r"^\d+$", &["1", "123", "a1"]),
    ("^[A-Z]{3}$", &["EUR", "USD", "EURO", "eur"]),
    ("^[A-Z]{2,3}$", &["EU", "USD", "EURO"]),
    ("^[a-z_]+$", &["a_b", "abc", "a-b"]),
    ("^.{0,3}$", &["", "abc", "a\nb", "abcd"]),
    ("^[0-9a-f]{8}$", &["0123abcd", "0123456", "zzzzzzzz"]),
];

/// The formats that the tests use, the last of them unknown, with texts of each.
pub(super) const FORMATS: [(&str, &[&str]); 15] = [
    ("date-time", &["2026-05-04T10:00:00Z", "2026-05-04T10:00:00.5+02:00", "2026-05-04"]),
    ("date", &["2026-05-04", "2024-02-29", "2026-02-30"]),
    ("time", &["10:00:00Z", "23:59:60Z", "10:00"]),
    ("email", &["a@example.com", "b.c@example.org", "a@"]),
    ("uuid", &["123e4567-e89b-12d3-a456-426614174000", "123e4567"]),
    ("uri", &["https://example.com/a", "urn:a:b", "/a"]),
    ("uri-reference", &["https://example.com/a", "/a", "a b"]),
    ("ipv4", &["127.0.0.1", "256.0.0.1"]),
    ("ipv6", &["::1", "1::2::3"]),
    ("hostname", &["example.com", "a", "-a"]),
    ("duration", &["P1D", "PT1H", "1 day"]),
    ("iri", &["https://example.com/ä", "urn:ä", "/ä"]),
    ("iri-reference", &["/ä", "a b"]),
    ("uri-template", &["/{a}", "{", "/a"]),
    ("colour", &["red", ""]),
];

/// Names of members that schemas of the grammar use.
pub(super) const NAMES: [&str; 7] = ["a", "b", "c", "x_1", "x_2", "d", "ab"];

/// Values to try.
pub(super) struct Pool {
    pub(super) names: Vec<String>,
    pub(super) texts: Vec<String>,
    pub(super) numbers: Vec<Value>,
    /// Whole values that a schema lists.
    pub(super) values: Vec<Value>,
}

impl Pool {
    /// The values that the schemas mention, and a few more.
    pub(super) fn of(schemas: &[&Value]) -> Self {
        let texts = ["", "a", "b", "abc", "A1", "ü", "\u{1f600}"].map(str::to_owned).into();
        let numbers = [json!(0), json!(1), json!(-1), json!(1.5), json!(1.0), json!(10), json!(1e300)].into();
        let mut pool = Self { names: Vec::new(), texts, numbers, values: vec![json!([]), json!({}), json!(null)] };
        for schema in schemas {
            pool.learn("", schema);
        }
        pool.names.extend(["a", "b", "x_1", "zz"].map(str::to_owned));
        pool.names.dedup();
        pool
    }

    /// Learns from a value below a keyword or a name.
    fn learn(&mut self, keyword: &str, value: &Value) {
        match value {
            Value::String(text) => self.learn_text(keyword, text),
            Value::Number(number) => self.learn_number(keyword, number),
            Value::Array(list) => {
                if keyword == "enum" {
                    self.values.extend(list.iter().cloned());
                }
                for inner in list {
                    self.learn(keyword, inner);
                }
            }
            Value::Object(map) => {
                self.values.extend(map.get("const").cloned());
                for (key, inner) in map {
                    match keyword {
                        "properties" | "dependentRequired" | "dependentSchemas" => self.names.push(key.clone()),
                        "patternProperties" => self.names.extend(samples(&PATTERNS, key).map(str::to_owned)),
                        _ => {}
                    }
                    self.learn(key, inner);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn learn_text(&mut self, keyword: &str, text: &str) {
        match keyword {
            "required" => self.names.push(text.to_owned()),
            "pattern" => {
                self.texts.extend(samples(&PATTERNS, text).map(str::to_owned));
                self.names.extend(samples(&PATTERNS, text).map(str::to_owned));
            }
            "format" => self.texts.extend(samples(&FORMATS, text).map(str::to_owned)),
            "type" | "description" | "title" | "$ref" => {}
            _ => self.texts.push(text.to_owned()),
        }
    }

    fn learn_number(&mut self, keyword: &str, number: &serde_json::Number) {
        self.numbers.push(Value::Number(number.clone()));
        if let Some(integer) = number.as_i64().filter(|integer| integer.unsigned_abs() < 1_000_000) {
            self.numbers.extend([integer - 1, integer + 1, integer * 2].map(Value::from));
            self.numbers.push(json!(integer));
            let about = i32::try_from(integer).map(f64::from).expect("small");
            self.numbers.extend([about - 0.5, about + 0.5, about].map(Value::from));
            if keyword.ends_with("Length") {
                let lengths = [integer - 1, integer, integer + 1];
                let lengths = lengths.into_iter().filter_map(|length| usize::try_from(length).ok());
                self.texts.extend(lengths.filter(|length| *length < 300).map(|length| "a".repeat(length)));
            }
        } else if let Some(float) = number.as_f64() {
            self.numbers.extend([float - 0.25, float + 0.25, float * 2.0, float.round()].map(Value::from));
        }
    }

    /// Any value, without regard to a schema.
    pub(super) fn any(&self, dice: &mut Dice, levels: usize) -> Value {
        let scalars = 6;
        match dice.below(if levels == 0 { scalars } else { scalars + 2 }) {
            0 => dice.choose(&self.values).cloned().unwrap_or_default(),
            1 => Value::Null,
            2 => Value::Bool(dice.chance(50)),
            3 => self.number(dice),
            4 | 5 => json!(self.text(dice)),
            6 => (0..dice.below(4)).map(|_| self.any(dice, levels - 1)).collect(),
            _ => (0..dice.below(4)).map(|_| (self.name(dice).to_owned(), self.any(dice, levels - 1))).collect(),
        }
    }

    pub(super) fn text(&self, dice: &mut Dice) -> &str {
        dice.choose(&self.texts).map_or("", String::as_str)
    }

    pub(super) fn name(&self, dice: &mut Dice) -> &str {
        dice.choose(&self.names).map_or("a", String::as_str)
    }

    pub(super) fn number(&self, dice: &mut Dice) -> Value {
        dice.choose(&self.numbers).cloned().unwrap_or_default()
    }
}

/// The texts of a pattern or a format in the table; none for others.
pub(super) fn samples(table: &[(&str, &'static [&'static str])], key: &str) -> impl Iterator<Item = &'static str> {
    let row = table.iter().find(|(known, _)| *known == key);
    row.map_or(&[][..], |(_, texts)| texts).iter().copied()
}

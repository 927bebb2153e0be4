//! Reads a filter from JSON, or tells the place of the first mistake.

use serde_json::{Map, Value};

use super::{
    condition::Condition,
    test::{Bounds, Test, TextTest},
};
use crate::{
    error::{Error, Result},
    limits::{FILTER_ALTERNATIVES_MAX, FILTER_DEPTH_MAX},
    pointer::push_step,
};

/// The name that combines conditions and is no name of a member.
const OR: &str = "$or";

/// The conditions of a filter.
pub(super) fn conditions(filter: &Value) -> Result<Vec<Condition>> {
    Parser { path: String::new(), depth: 0, alternatives: 0 }.object(filter, "a filter is an object")
}

struct Parser {
    path: String,
    depth: usize,
    alternatives: usize,
}

impl Parser {
    fn refuse<T>(&self, reason: &str) -> Result<T> {
        Err(Error::filter(&self.path, reason))
    }

    /// Reads something one step further in.
    fn inside<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let length = self.path.len();
        push_step(&mut self.path, step);
        let result = read(self);
        self.path.truncate(length);
        result
    }

    /// Reads all items of a list.
    fn each<T>(&mut self, items: &[Value], mut read: impl FnMut(&mut Self, &Value) -> Result<T>) -> Result<Vec<T>> {
        let numbered = items.iter().enumerate();
        numbered.map(|(index, item)| self.inside(&index.to_string(), |parser| read(parser, item))).collect()
    }

    fn object(&mut self, value: &Value, otherwise: &str) -> Result<Vec<Condition>> {
        let Value::Object(members) = value else { return self.refuse(otherwise) };
        if members.is_empty() {
            return self.refuse("an object has at least one member; a subscription without a filter gets everything");
        }
        if self.depth == FILTER_DEPTH_MAX {
            return self.refuse(&format!("objects nest deeper than {FILTER_DEPTH_MAX}"));
        }
        self.depth += 1;
        let condition = |(name, value): (&String, &Value)| self.inside(name, |parser| parser.condition(name, value));
        let conditions = members.iter().map(condition).collect();
        self.depth -= 1;
        conditions
    }

    fn condition(&mut self, name: &str, value: &Value) -> Result<Condition> {
        match value {
            _ if name == OR => self.branches(value).map(Condition::Or),
            Value::Object(_) => Ok(Condition::Member(name.to_owned(), self.object(value, "")?)),
            Value::Array(items) if items.is_empty() => self.refuse("a list has at least one alternative"),
            Value::Array(items) => Ok(Condition::Leaf(name.to_owned(), self.each(items, Self::alternative)?)),
            _ => self.refuse("a member is a list of alternatives, or an object for what is nested"),
        }
    }

    fn branches(&mut self, value: &Value) -> Result<Vec<Vec<Condition>>> {
        match value {
            Value::Array(items) if items.len() >= 2 => {
                self.each(items, |parser, item| parser.object(item, "$or combines objects"))
            }
            _ => self.refuse("$or is a list of at least two objects; a member cannot be called so"),
        }
    }

    fn alternative(&mut self, value: &Value) -> Result<Test> {
        self.count()?;
        match value {
            Value::Array(_) => {
                self.refuse("an alternative is a scalar or an operator; a list in the payload is looked into")
            }
            Value::Object(members) => {
                let (operator, operand) = self.only(members)?;
                self.inside(operator, |parser| parser.operator(operator, operand))
            }
            scalar => Ok(Test::Equals(scalar.clone())),
        }
    }

    /// Counts every scalar and operand: the time to match a value is in proportion to their number.
    fn count(&mut self) -> Result<()> {
        self.alternatives += 1;
        if self.alternatives > FILTER_ALTERNATIVES_MAX {
            return self.refuse(&format!("the filter has more than {FILTER_ALTERNATIVES_MAX} alternatives"));
        }
        Ok(())
    }

    fn only<'a>(&self, members: &'a Map<String, Value>) -> Result<(&'a str, &'a Value)> {
        let mut members = members.iter();
        match (members.next(), members.next()) {
            (Some((operator, operand)), None) => Ok((operator, operand)),
            _ => self.refuse("an operator is an object with exactly one member"),
        }
    }

    fn operator(&mut self, operator: &str, operand: &Value) -> Result<Test> {
        match (operator, operand) {
            ("exists", Value::Bool(expected)) => Ok(Test::Exists(*expected)),
            ("exists", _) => self.refuse("exists takes true or false"),
            ("numeric", Value::Array(items)) => self.numeric(items).map(Test::Numeric),
            ("numeric", _) => self.refuse(r#"numeric takes a list such as [">=", 1, "<", 5]"#),
            ("anything-but", operand) => self.anything_but(operand).map(Test::AnythingBut),
            ("prefix" | "suffix", Value::Object(members)) => {
                let (inner, operand) = self.only(members)?;
                self.inside(inner, |parser| match (operator, inner, operand) {
                    ("prefix", "equals-ignore-case", Value::String(text)) => {
                        Ok(TextTest::StartsWithLetters(text.clone()))
                    }
                    ("suffix", "equals-ignore-case", Value::String(text)) => {
                        Ok(TextTest::EndsWithLetters(text.clone()))
                    }
                    _ => parser.refuse(&format!("{operator} takes a string, or equals-ignore-case with one")),
                })
                .map(Test::Text)
            }
            _ => self.text_test(operator, operand).map(Test::Text),
        }
    }

    fn text_test(&mut self, operator: &str, operand: &Value) -> Result<TextTest> {
        let test = match operator {
            "prefix" => TextTest::Starts,
            "suffix" => TextTest::Ends,
            "equals-ignore-case" => TextTest::SameLetters,
            "wildcard" => {
                let Value::String(pattern) = operand else { return self.refuse("wildcard takes a string") };
                return self.pieces(pattern).map(TextTest::Covered);
            }
            _ => {
                return self.refuse(
                    "there is no such operator; there are prefix, suffix, equals-ignore-case, wildcard, numeric, exists \
                     and anything-but",
                );
            }
        };
        let Value::String(text) = operand else { return self.refuse(&format!("{operator} takes a string")) };
        Ok(test(text.clone()))
    }

    /// The texts between the stars of a wildcard pattern.
    fn pieces(&self, pattern: &str) -> Result<Vec<String>> {
        let mut pieces = vec![String::new()];
        let mut characters = pattern.chars();
        let mut is_behind_star = false;
        while let Some(character) = characters.next() {
            let is_star = character == '*';
            let piece = pieces.last_mut().expect("there is always one");
            match character {
                '*' if is_behind_star => return self.refuse("a wildcard has no two stars in a row"),
                '*' => pieces.push(String::new()),
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '\\')) => piece.push(escaped),
                    _ => return self.refuse(r"in a wildcard, a backslash stands before a star or a backslash"),
                },
                _ => piece.push(character),
            }
            is_behind_star = is_star;
        }
        Ok(pieces)
    }

    /// `["=", 5]`, or one lower or upper limit, or one of each.
    fn numeric(&mut self, items: &[Value]) -> Result<Bounds> {
        let (pairs, rest) = items.as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            return self.refuse(r#"numeric takes pairs of a comparison and a number, such as [">=", 1, "<", 5]"#);
        }
        let mut bounds = Bounds::default();
        for (index, [comparison, limit]) in pairs.iter().enumerate() {
            let Some(limit) = limit.as_f64() else {
                return self
                    .inside(&(2 * index + 1).to_string(), |parser| parser.refuse("a comparison takes a number"));
            };
            let (low, high) = match comparison.as_str() {
                Some("=") => (Some((limit, true)), Some((limit, true))),
                Some(">") => (Some((limit, false)), None),
                Some(">=") => (Some((limit, true)), None),
                Some("<") => (None, Some((limit, false))),
                Some("<=") => (None, Some((limit, true))),
                _ => {
                    let at = (2 * index).to_string();
                    return self.inside(&at, |parser| parser.refuse("a comparison is one of =, <, <=, > and >="));
                }
            };
            if (low.is_some() && bounds.low.is_some()) || (high.is_some() && bounds.high.is_some()) {
                return self.refuse("numeric has at most one lower and one upper limit");
            }
            bounds = Bounds { low: low.or(bounds.low), high: high.or(bounds.high) };
        }
        if !bounds.may_hold(Bounds::default(), false) {
            return self.refuse("no number lies between these limits");
        }
        Ok(bounds)
    }

    /// A scalar, a list of them, or one of the operators on texts with one text or a list of them.
    fn anything_but(&mut self, operand: &Value) -> Result<Vec<Test>> {
        match operand {
            Value::Object(members) => {
                let (operator, operand) = self.only(members)?;
                self.inside(operator, |parser| {
                    parser
                        .one_or_several(operand, |parser, operand| parser.text_test(operator, operand).map(Test::Text))
                })
            }
            operand => self.one_or_several(operand, |parser, operand| match operand {
                Value::Array(_) | Value::Object(_) => parser.refuse("anything-but takes scalars, or one operator"),
                scalar => Ok(Test::Equals(scalar.clone())),
            }),
        }
    }

    fn one_or_several(
        &mut self,
        operand: &Value,
        mut read: impl FnMut(&mut Self, &Value) -> Result<Test>,
    ) -> Result<Vec<Test>> {
        match operand {
            Value::Array(items) if items.is_empty() => self.refuse("anything-but takes at least one value"),
            Value::Array(items) => self.each(items, |parser, item| {
                parser.count()?;
                read(parser, item)
            }),
            operand => Ok(vec![read(self, operand)?]),
        }
    }
}

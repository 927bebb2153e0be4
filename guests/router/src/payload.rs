//! Reads a payload, once for all candidates.

use crate::{
    json::{Malformed, Read, Reader, Text},
    number::Number,
};

/// Any value.
#[derive(Debug)]
pub enum Value<'a> {
    Scalar(Scalar<'a>),
    List(Vec<Value<'a>>),
    Object(Members<'a>),
}

/// A value that has no parts.
#[derive(Debug, PartialEq)]
pub enum Scalar<'a> {
    Null,
    Boolean(bool),
    Number(Number),
    Text(Text<'a>),
}

/// The members of an object, each name once, in the order of the names.
#[derive(Debug)]
pub struct Members<'a>(Vec<(Text<'a>, Value<'a>)>);

impl<'a> Value<'a> {
    /// Reads all of a text.
    pub fn read(text: &'a str) -> Result<Self, Malformed> {
        let mut reader = Reader::new(text);
        let value = Self::next(&mut reader)?;
        reader.end()?;
        Ok(value)
    }

    fn next(reader: &mut Reader<'a>) -> Read<Self> {
        match reader.peek() {
            b'{' => {
                let mut members = Vec::new();
                reader.object(|reader, name| {
                    members.push((name, Self::next(reader)?));
                    Ok(())
                })?;
                Ok(Self::Object(Members::new(members)))
            }
            b'[' => {
                let mut items = Vec::new();
                reader.list(|reader| {
                    items.push(Self::next(reader)?);
                    Ok(())
                })?;
                Ok(Self::List(items))
            }
            _ => Scalar::next(reader).map(Self::Scalar),
        }
    }
}

impl<'a> Scalar<'a> {
    /// Reads a value that has to be a scalar.
    pub fn next(reader: &mut Reader<'a>) -> Read<Self> {
        Ok(match reader.peek() {
            b'"' => Self::Text(reader.string()?),
            b'n' => reader.word("null").map(|()| Self::Null)?,
            b't' | b'f' => Self::Boolean(reader.boolean()?),
            _ => Self::Number(reader.number()?),
        })
    }
}

impl<'a> Members<'a> {
    /// Keeps the last of several members with the same name, as the check of the payload did.
    fn new(mut members: Vec<(Text<'a>, Value<'a>)>) -> Self {
        members.reverse();
        members.sort_by(|(one, _), (another, _)| one.cmp(another));
        members.dedup_by(|(one, _), (another, _)| one == another);
        Self(members)
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let found = self.0.binary_search_by(|(other, _)| other.as_ref().cmp(name));
        found.ok().map(|at| &self.0[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_members_with_the_same_name_counts() {
        let Ok(Value::Object(members)) = Value::read(r#"{"b":1,"a":2,"\u0062":3,"c":4,"b":"last"}"#) else {
            panic!("an object");
        };
        assert!(matches!(members.get("b"), Some(Value::Scalar(Scalar::Text(text))) if text == "last"));
        assert!(
            matches!(members.get("a"), Some(Value::Scalar(Scalar::Number(two))) if Number::read("2") == Some(*two))
        );
        assert!(members.get("d").is_none() && members.get("").is_none());
    }

    #[test]
    fn all_json_is_read_and_nothing_else() {
        for text in ["null", " [1, -2.5e3, \"x\", {}, [], true] ", r#"{"a":{"b":[[{}]]}}"#, "false"] {
            assert!(Value::read(text).is_ok(), "{text}");
        }
        for text in ["", "nul", "{} {}", "[1 2]", "{\"a\" 1}", "+", "tru"] {
            assert!(Value::read(text).is_err(), "{text}");
        }
    }
}

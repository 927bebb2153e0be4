//! Reads a filter from its text.
//!
//! A filter is kept in two flat lists that are used again for the next one, so that reading it takes
//! no memory of its own unless its strings have escapes.

use std::{cell::Cell, ops::Range};

use crate::{
    json::{Malformed, Read, Reader, Text},
    number::Number,
    payload::Scalar,
};

/// The names of members that combine conditions.
const OR: &str = "$or";

/// A filter, as conditions and tests in the order of its text.
#[derive(Default)]
pub struct Filter<'a> {
    /// Each condition is followed by those that it contains.
    conditions: Vec<Condition<'a>>,
    tests: Vec<Test<'a>>,
    /// Steps that are left for the candidate.
    pub steps_left: Cell<usize>,
}

/// A condition that has to hold of an object.
pub struct Condition<'a> {
    pub kind: Kind<'a>,
    /// The index behind the conditions that this one contains, where the next one begins.
    pub end: usize,
}

/// The kinds of condition.
pub enum Kind<'a> {
    /// The member of that name passes one of these tests.
    Leaf(Text<'a>, Range<usize>),
    /// The contained conditions hold of the member of that name.
    Member(Text<'a>),
    /// One of the contained conditions holds; each is a branch.
    Or,
    /// The contained conditions hold of the object itself.
    Branch,
}

/// A test of one value.
pub enum Test<'a> {
    Equals(Scalar<'a>),
    Starts(Text<'a>),
    Ends(Text<'a>),
    SameLetters(Text<'a>),
    StartsWithLetters(Text<'a>),
    EndsWithLetters(Text<'a>),
    Covered(Text<'a>),
    Within(Bounds),
    Exists(bool),
    /// None of this many tests, which follow, is passed.
    AnythingBut(usize),
}

/// The range in which a number has to lie.
#[derive(Default)]
pub struct Bounds {
    /// The lower limit, and whether the limit itself is allowed.
    pub low: Option<(Number, bool)>,
    /// The upper limit, and whether the limit itself is allowed.
    pub high: Option<(Number, bool)>,
}

impl<'a> Filter<'a> {
    /// Reads a filter in place of the one before.
    pub fn read(&mut self, text: &'a str) -> Read<()> {
        self.conditions.clear();
        self.tests.clear();
        let mut reader = Reader::new(text);
        self.object(&mut reader)?;
        reader.end()
    }

    /// All conditions.
    pub fn conditions(&self) -> &[Condition<'a>] {
        &self.conditions
    }

    /// All tests.
    pub fn tests(&self) -> &[Test<'a>] {
        &self.tests
    }

    fn object(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        reader.object(|reader, name| {
            if name == OR {
                return self.containing(Kind::Or, |filter| {
                    reader.list(|reader| filter.containing(Kind::Branch, |filter| filter.object(reader)))
                });
            }
            if reader.peek() == b'{' {
                return self.containing(Kind::Member(name), |filter| filter.object(reader));
            }
            let begin = self.tests.len();
            reader.list(|reader| self.alternative(reader))?;
            let end = self.conditions.len() + 1;
            self.conditions.push(Condition { kind: Kind::Leaf(name, begin..self.tests.len()), end });
            Ok(())
        })
    }

    fn containing(&mut self, kind: Kind<'a>, read: impl FnOnce(&mut Self) -> Read<()>) -> Read<()> {
        let at = self.conditions.len();
        self.conditions.push(Condition { kind, end: at });
        read(self)?;
        self.conditions[at].end = self.conditions.len();
        Ok(())
    }

    fn alternative(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        if reader.peek() != b'{' {
            self.tests.push(Test::Equals(Scalar::next(reader)?));
            return Ok(());
        }
        reader.object(|reader, operator| self.operator(reader, &operator))
    }

    fn operator(&mut self, reader: &mut Reader<'a>, operator: &str) -> Read<()> {
        let test = match operator {
            "exists" => Test::Exists(reader.boolean()?),
            "numeric" => Test::Within(bounds(reader)?),
            "anything-but" => return self.anything_but(reader),
            "prefix" | "suffix" if reader.peek() == b'{' => {
                return reader.object(|reader, of| match (operator, of.as_ref()) {
                    ("prefix", "equals-ignore-case") => self.text(reader, Test::StartsWithLetters),
                    ("suffix", "equals-ignore-case") => self.text(reader, Test::EndsWithLetters),
                    _ => Err(Malformed),
                });
            }
            _ => return self.text_operator(reader, operator),
        };
        self.tests.push(test);
        Ok(())
    }

    fn text_operator(&mut self, reader: &mut Reader<'a>, operator: &str) -> Read<()> {
        match operator {
            "prefix" => self.text(reader, Test::Starts),
            "suffix" => self.text(reader, Test::Ends),
            "equals-ignore-case" => self.text(reader, Test::SameLetters),
            "wildcard" => self.text(reader, Test::Covered),
            _ => Err(Malformed),
        }
    }

    fn text(&mut self, reader: &mut Reader<'a>, test: impl FnOnce(Text<'a>) -> Test<'a>) -> Read<()> {
        self.tests.push(test(reader.string()?));
        Ok(())
    }

    /// A scalar, a list of them, or one operator with one text or a list of them.
    fn anything_but(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        let at = self.tests.len();
        self.tests.push(Test::AnythingBut(0));
        if reader.peek() == b'{' {
            reader.object(|reader, operator| one_or_several(reader, |reader| self.text_operator(reader, &operator)))?;
        } else {
            one_or_several(reader, |reader| {
                self.tests.push(Test::Equals(Scalar::next(reader)?));
                Ok(())
            })?;
        }
        self.tests[at] = Test::AnythingBut(self.tests.len() - at - 1);
        Ok(())
    }
}

fn one_or_several<'a>(reader: &mut Reader<'a>, mut one: impl FnMut(&mut Reader<'a>) -> Read<()>) -> Read<()> {
    if reader.peek() == b'[' { reader.list(one) } else { one(reader) }
}

/// `["=", 5]`, or one or two limits such as `[">=", 1, "<", 5]`.
fn bounds(reader: &mut Reader<'_>) -> Read<Bounds> {
    let mut bounds = Bounds::default();
    let mut comparison: Option<Text<'_>> = None;
    reader.list(|reader| {
        let Some(comparison) = comparison.take() else {
            comparison = Some(reader.string()?);
            return Ok(());
        };
        let number = reader.number()?;
        match comparison.as_ref() {
            "=" => bounds = Bounds { low: Some((number, true)), high: Some((number, true)) },
            ">" => bounds.low = Some((number, false)),
            ">=" => bounds.low = Some((number, true)),
            "<" => bounds.high = Some((number, false)),
            "<=" => bounds.high = Some((number, true)),
            _ => return Err(Malformed),
        }
        Ok(())
    })?;
    if comparison.is_some() { Err(Malformed) } else { Ok(bounds) }
}

//! The members of a body, one by one: for bodies with many optional members, of which some have
//! several spellings and null takes a value away.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{error::Category, value::RawValue};

use super::extract::{Body, no_json};
use crate::error::{Code, Error, Result};

/// The members of an object by their names. What nobody asks for is ignored.
pub(super) struct Members<'a> {
    members: HashMap<String, &'a RawValue>,
    /// The code of a member that is wrong (contract C17).
    pub(super) wrong: Code,
}

/// What a body says of a member: nothing, that it is null, or a value.
pub(super) type Said<T> = Option<Option<T>>;

impl<'a> Members<'a> {
    /// Reads a body, of which nothing counts as an empty object.
    pub(super) fn of(body: &'a Body, wrong: Code) -> Result<Self> {
        let members: HashMap<String, &RawValue> = body.json(wrong)?;
        // A raw text may still have escapes that stand for no character.
        for text in members.values().map(|value| value.get()).filter(|text| text.starts_with('"')) {
            serde_json::from_str::<String>(text).map_err(|cause| no_json(&cause))?;
        }
        Ok(Self { members, wrong })
    }

    /// What is said of a member under any of its names. `expected` ends the sentence "… has to be".
    pub(super) fn get<T: Deserialize<'a>>(&self, names: &[&str], expected: &str) -> Result<Said<T>> {
        let mut said = names.iter().filter_map(|name| Some((name, *self.members.get(*name)?)));
        let Some((name, value)) = said.next() else { return Ok(None) };
        if let Some((other, _)) = said.find(|(_, other)| other.get() != value.get()) {
            return Err(self.error(format!("{name} and {other} mean the same and say different things")));
        }
        serde_json::from_str(value.get()).map(Some).map_err(|cause| match cause.classify() {
            Category::Data => self.error(format!("{name} has to be {expected}")),
            Category::Syntax | Category::Eof | Category::Io => no_json(&cause),
        })
    }

    /// A member for which null says no more than leaving it out.
    pub(super) fn optional<T: Deserialize<'a>>(&self, names: &[&str], expected: &str) -> Result<Option<T>> {
        self.get(names, expected).map(Option::flatten)
    }

    /// A member that has to be there.
    pub(super) fn required<T: Deserialize<'a>>(&self, names: &[&str], expected: &str) -> Result<T> {
        self.optional(names, expected)?.ok_or_else(|| self.error(format!("{} is missing", names[0])))
    }

    /// The JSON text of a member, as it was sent.
    pub(super) fn raw(&self, names: &[&str]) -> Result<Said<&'a str>> {
        let said = self.get::<&RawValue>(names, "JSON")?;
        Ok(said.map(|raw| raw.map(RawValue::get)))
    }

    /// The first of these members that says something.
    pub(super) fn first_of<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.members.get(*name).is_some_and(|value| value.get() != "null"))
    }

    /// That a member is wrong.
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::new(self.wrong, message)
    }
}

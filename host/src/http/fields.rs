//! Fields of a JSON body, read one by one: for bodies with many optional fields, of which some have
//! several spellings and null takes a value away.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{error::Category, value::RawValue};

use super::extract::{Body, not_json};
use crate::error::{Code, Error, Result};

/// The fields of an object by their names. Fields that no handler reads are ignored.
pub(super) struct Fields<'a> {
    fields: HashMap<String, &'a RawValue>,
    /// The code of an error in a field, which differs by family of routes (contract C17).
    pub(super) wrong: Code,
}

/// A field as it was sent: the outer `None` is absent, the inner one is null.
pub(super) type Field<T> = Option<Option<T>>;

impl<'a> Fields<'a> {
    /// Reads a body; an empty body counts as an empty object.
    pub(super) fn of(body: &'a Body, wrong: Code) -> Result<Self> {
        let fields: HashMap<String, &RawValue> = body.json(wrong)?;
        // A raw text may still have escapes that stand for no character.
        for text in fields.values().map(|value| value.get()).filter(|text| text.starts_with('"')) {
            serde_json::from_str::<String>(text).map_err(|cause| not_json(&cause))?;
        }
        Ok(Self { fields, wrong })
    }

    /// Reads a field under any of its names, which have to agree. `expected` ends the sentence
    /// "… has to be".
    pub(super) fn get<T: Deserialize<'a>>(&self, names: &[&str], expected: &str) -> Result<Field<T>> {
        let mut sent = names.iter().filter_map(|name| Some((name, *self.fields.get(*name)?)));
        let Some((name, value)) = sent.next() else { return Ok(None) };
        if let Some((other, _)) = sent.find(|(_, other)| other.get() != value.get()) {
            return Err(self.error(format!("{name} and {other} mean the same and say different things")));
        }
        serde_json::from_str(value.get()).map(Some).map_err(|cause| match cause.classify() {
            Category::Data => self.error(format!("{name} has to be {expected}")),
            Category::Syntax | Category::Eof | Category::Io => not_json(&cause),
        })
    }

    /// Reads a field for which null means the same as leaving it out.
    pub(super) fn optional<T: Deserialize<'a>>(&self, names: &[&str], expected: &str) -> Result<Option<T>> {
        self.get(names, expected).map(Option::flatten)
    }

    /// Reads a field that has to be there.
    pub(super) fn required<T: Deserialize<'a>>(&self, names: &[&str], expected: &str) -> Result<T> {
        self.optional(names, expected)?.ok_or_else(|| self.error(format!("{} is missing", names[0])))
    }

    /// The JSON text of a field, as it was sent.
    pub(super) fn raw(&self, names: &[&str]) -> Result<Field<&'a str>> {
        let raw = self.get::<&RawValue>(names, "JSON")?;
        Ok(raw.map(|raw| raw.map(RawValue::get)))
    }

    /// The first of these names whose field is there and not null.
    pub(super) fn first_of<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.fields.get(*name).is_some_and(|value| value.get() != "null"))
    }

    /// An error in a field.
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::new(self.wrong, message)
    }
}

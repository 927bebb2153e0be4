//! Content filters: reading one, and whether it can match at all.
//!
//! This crate does not match filters against payloads: Weir's router does. A filter is checked here
//! when it is set, so that a mistake shows at once and not when events fail to arrive. [`parse`]
//! finds what is no filter, [`mod@never`] what cannot match a payload that the schemas allow.

mod condition;
mod nearest;
mod never;
mod parse;
mod site;
mod test;

use serde_json::Value;

use crate::{
    error::{Error, Result},
    limits::FILTER_BYTES_MAX,
    names::{NAME_STANDS_TWICE, repeated_name},
};
use condition::Condition;

/// A content filter that is well formed.
///
/// A filter is a JSON object that has the shape of the payload, with a list of alternatives in place
/// of each value: `{"order": {"state": ["paid", {"prefix": "ship"}]}}`.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    conditions: Vec<Condition>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// [`FilterInvalid`](Error::FilterInvalid) with the place of the first mistake.
    pub fn parse(text: &str) -> Result<Self> {
        let no_json = |cause| Error::filter("", format!("the filter is no JSON: {cause}"));
        if let Some(path) = repeated_name(text.as_bytes()).map_err(no_json)? {
            return Err(Error::filter(&path, NAME_STANDS_TWICE));
        }
        let value: Value = serde_json::from_str(text).map_err(no_json)?;
        let text = value.to_string();
        if text.len() > FILTER_BYTES_MAX {
            let bytes = text.len();
            let reason = format!("the filter has {bytes} bytes without white space, more than {FILTER_BYTES_MAX}");
            return Err(Error::filter("", reason));
        }
        Ok(Self { conditions: parse::conditions(&value)?, text })
    }

    /// The filter as JSON text without white space.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Makes sure that the filter may match a payload that is valid under one of the schemas. With
    /// no schemas, it may.
    ///
    /// # Errors
    ///
    /// [`FilterNeverMatches`](Error::FilterNeverMatches) about the first schema, if provably no
    /// payload that one of the schemas allows matches; where there is doubt, there is no error.
    /// [`SchemaInvalid`](Error::SchemaInvalid) if a schema has more subschemas than
    /// [`SCHEMA_SUBSCHEMAS_MAX`](crate::limits::SCHEMA_SUBSCHEMAS_MAX).
    pub fn check_against(&self, schemas: &[&Value]) -> Result<()> {
        let mut first = None;
        for schema in schemas {
            match never::why(&self.conditions, schema)? {
                Some(impossible) => first = first.or(Some(impossible)),
                None => return Ok(()),
            }
        }
        first.map_or(Ok(()), |impossible| Err(impossible.into()))
    }
}

#[cfg(test)]
mod tests;

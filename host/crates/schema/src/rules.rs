//! Refuses what JSON Schema allows and this crate does not.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{
    document::{Document, Place},
    error::{Error, Result, shortened},
    keywords::{DIALECT, OPENAPI_DIALECT},
    limits::{SCHEMA_PATTERN_BYTES_MAX, SCHEMA_PATTERN_PLACES_MAX, SCHEMA_PATTERNS_MAX},
    pattern,
};

/// Characters of a text of the schema that a message repeats.
const SHOWN_CHARS: usize = 100;

/// Refuses other dialects, references that leave the document, identifiers that would move them,
/// and too many or too long regular expressions, with [`Error::SchemaInvalid`].
pub(crate) fn check(document: &Document<'_>) -> Result<()> {
    let mut patterns = HashSet::new();
    for (place, schema) in document.objects() {
        check_dialect(document, place, schema)?;
        check_id(document, place, schema)?;
        check_references(document, place)?;
        for pattern in pattern_of_texts(schema).into_iter().chain(patterns_of_names(schema)) {
            check_pattern(document, place, pattern)?;
            patterns.insert(pattern);
        }
    }
    if patterns.len() > SCHEMA_PATTERNS_MAX {
        let reason = format!("the schema has {} different patterns, more than {SCHEMA_PATTERNS_MAX}", patterns.len());
        return Err(Error::schema("", reason));
    }
    Ok(())
}

fn check_dialect(document: &Document<'_>, place: Place, schema: &Map<String, Value>) -> Result<()> {
    let Some(Value::String(dialect)) = schema.get("$schema") else {
        return Ok(());
    };
    if [DIALECT, OPENAPI_DIALECT].contains(&dialect.trim_end_matches('#')) {
        return Ok(());
    }
    let shown = shortened(dialect, SHOWN_CHARS);
    let reason = format!("$schema {shown:?} is not {DIALECT:?}, nor a draft from draft-04 on, which are converted");
    Err(Error::schema(&document.pointer(place), reason))
}

/// An `$id` below the root starts a document of its own, which pointers and anchors then refer to.
/// Payload schemas have no use for that, and it makes references hard to read.
fn check_id(document: &Document<'_>, place: Place, schema: &Map<String, Value>) -> Result<()> {
    if place == 0 || !schema.contains_key("$id") {
        return Ok(());
    }
    Err(Error::schema(&document.pointer(place), "only the root of a schema may have an $id"))
}

fn check_references(document: &Document<'_>, place: Place) -> Result<()> {
    let Some(reference) = document.references(place).iter().find(|reference| reference.target.is_none()) else {
        return Ok(());
    };
    let shown = shortened(reference.text, SHOWN_CHARS);
    let reason = format!(
        "the reference {shown:?} leads to no schema of this document; others are not fetched: \
         put the schema that it names under $defs with its $id, and the reference finds it there"
    );
    Err(Error::schema(&document.pointer(place), reason))
}

fn check_pattern(document: &Document<'_>, place: Place, pattern: &str) -> Result<()> {
    let bytes = pattern.len();
    let reason = if bytes > SCHEMA_PATTERN_BYTES_MAX {
        format!("a pattern has {bytes} bytes, more than {SCHEMA_PATTERN_BYTES_MAX}")
    } else if pattern::places(pattern) > SCHEMA_PATTERN_PLACES_MAX {
        format!(
            "the repetitions of a pattern, written out, have more than {SCHEMA_PATTERN_PLACES_MAX} characters; \
             maxLength bounds a text more cheaply"
        )
    } else {
        return Ok(());
    };
    Err(Error::schema(&document.pointer(place), reason))
}

/// The pattern that a schema has for texts.
pub(crate) fn pattern_of_texts(schema: &Map<String, Value>) -> Option<&str> {
    schema.get("pattern")?.as_str()
}

/// The patterns that a schema has for the names of members.
pub(crate) fn patterns_of_names(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let map = schema.get("patternProperties").and_then(Value::as_object);
    map.into_iter().flat_map(Map::keys).map(String::as_str)
}

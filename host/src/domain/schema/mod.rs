//! Payload schemas: what a registration's schema text is worth, and whether a payload obeys it
//! (contract 6.3).
//!
//! A schema comes from a tenant and is run against every payload of that tenant, so nothing here
//! may take longer, or more memory, because a schema or a payload was made to hurt. The bounds
//! are in [`limits`](super::limits); [`caps`] and [`expansion`] hold them for the schema when it
//! is registered, [`view`] for each check.

mod canonical;
mod caps;
mod compatibility;
pub(super) mod document;
mod expansion;
mod flavour;
pub(super) mod keywords;
mod pattern;
mod rules;
mod validator;
mod view;

pub use canonical::{canonical_text, hash};
pub use compatibility::{CANNOT_PROVE, Compatibility, Refusal, Violation, check_minor, is_patch_equal};
pub use flavour::Flavour;
pub use validator::Validator;

use serde_json::{Value, json};

use super::limits::SCHEMA_TEXT_BYTES_MAX;
use crate::{
    error::{Error, Result},
    fail,
};
use document::Document;

/// Characters of a JSON pointer in an answer: names of members may be as long as the whole text.
const POINTER_CHARS_SHOWN: usize = 512;

/// What a schema text is found to be.
#[derive(Debug)]
pub struct Schema {
    /// SHA-256 of the canonical text, 64 lower-case hex digits.
    pub hash: String,
    /// Which dialect it is written in.
    pub flavour: Flavour,
    /// Levels, the root being 1; at most `SCHEMA_DEPTH_MAX`.
    pub depth: u32,
    /// Keys of all `properties` maps; at most `SCHEMA_PROPERTIES_MAX`.
    pub property_count: u32,
    /// The schema, ready to check payloads.
    pub validator: Validator,
}

/// Reads, measures and compiles a schema. The order of the checks is the contract's (2.10): the
/// caps first (`schema_too_deep`, `schema_too_wide`), then whether it compiles
/// (`invalid_json_schema`, with `details` of `pointer` and `reason`).
///
/// Compiling takes up to some milliseconds of CPU for the largest schemas.
pub fn inspect(schema_text: &str) -> Result<Schema> {
    let root = parse(schema_text)?;
    let document = Document::read(&root)?;
    let measured = caps::measure(&document)?;
    rules::check(&document)?;
    Ok(Schema {
        hash: hash(&root),
        flavour: flavour::detect(&document),
        depth: measured.depth,
        property_count: measured.property_count,
        validator: validator::compile(&document, schema_text.len())?,
    })
}

fn parse(schema_text: &str) -> Result<Value> {
    if schema_text.len() > SCHEMA_TEXT_BYTES_MAX {
        return Err(invalid("", &format!("the schema is longer than {SCHEMA_TEXT_BYTES_MAX} bytes")));
    }
    let root =
        serde_json::from_str(schema_text).map_err(|cause| invalid("", &format!("the schema is no JSON: {cause}")))?;
    match root {
        Value::Object(_) => Ok(root),
        _ => Err(invalid("", "a schema is a JSON object")),
    }
}

/// `invalid_json_schema` for the part of the schema at `pointer`.
fn invalid(pointer: &str, reason: &str) -> Error {
    let pointer = shortened(pointer, POINTER_CHARS_SHOWN);
    let at = if pointer.is_empty() { "the root" } else { &pointer };
    let error = fail!(InvalidJsonSchema, "at {at}: {reason}");
    error.with_details(json!({ "pointer": pointer, "reason": reason }))
}

/// The beginning of a text that came from outside, for a message.
fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;

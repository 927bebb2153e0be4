//! The intake of a schema: measured, checked against the crate's rules, and compiled.

use crate::{
    canonical::canonical_hash,
    caps::{self, Caps},
    document::{self, Document},
    error::Result,
    flavour::{self, Flavour},
    rules,
    validator::{self, Validator},
};

/// A schema that was found to be legal.
#[derive(Debug)]
pub struct Schema {
    /// SHA-256 of the canonical text, 64 lower-case hex digits: the schema's identity, whatever
    /// its order of members and white space.
    pub hash: String,
    /// The dialect that it is written in.
    pub flavour: Flavour,
    /// Levels of objects and arrays in one another: an object of scalars has 1.
    pub depth: u32,
    /// Keys of all `properties` maps.
    pub property_count: u32,
    /// The schema, ready to check payloads.
    pub validator: Validator,
}

/// Reads, measures and compiles a schema that is within the default [`Caps`].
///
/// # Errors
///
/// Those of [`inspect_within`].
pub fn inspect(schema_text: &str) -> Result<Schema> {
    inspect_within(schema_text, Caps::default())
}

/// Reads, measures and compiles a schema that is within the caps.
///
/// # Errors
///
/// In this order: [`SchemaTooDeep`](crate::Error::SchemaTooDeep),
/// [`SchemaTooWide`](crate::Error::SchemaTooWide), and then
/// [`SchemaInvalid`](crate::Error::SchemaInvalid) if the schema breaks a rule or does not compile. A
/// text that is no JSON object is always [`SchemaInvalid`](crate::Error::SchemaInvalid).
///
/// Compiling takes up to some milliseconds of CPU for the largest schemas.
pub fn inspect_within(schema_text: &str, caps: Caps) -> Result<Schema> {
    let root = document::parse(schema_text)?;
    let document = Document::read(&root)?;
    let measured = caps::measure(&document, caps)?;
    rules::check(&document)?;
    Ok(Schema {
        hash: canonical_hash(&root),
        flavour: flavour::detect(&document),
        depth: measured.depth,
        property_count: measured.property_count,
        validator: validator::compile(&document, schema_text.len())?,
    })
}

#[cfg(test)]
mod tests;

//! The intake of a schema: measured, checked against the crate's rules, and compiled.

use crate::{
    canonical::canonical_hash,
    caps,
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
    /// Levels, the root being 1; at most [`SCHEMA_DEPTH_MAX`](crate::limits::SCHEMA_DEPTH_MAX).
    pub depth: u32,
    /// Keys of all `properties` maps; at most
    /// [`SCHEMA_PROPERTIES_MAX`](crate::limits::SCHEMA_PROPERTIES_MAX).
    pub property_count: u32,
    /// The schema, ready to check payloads.
    pub validator: Validator,
}

/// Reads, measures and compiles a schema.
///
/// # Errors
///
/// In this order: [`SchemaTooDeep`](crate::Error::SchemaTooDeep),
/// [`SchemaTooWide`](crate::Error::SchemaTooWide), and then
/// [`SchemaInvalid`](crate::Error::SchemaInvalid) if the schema breaks a rule or does not compile. A
/// text that is no JSON object is always [`SchemaInvalid`](crate::Error::SchemaInvalid).
///
/// Compiling takes up to some milliseconds of CPU for the largest schemas.
pub fn inspect(schema_text: &str) -> Result<Schema> {
    let root = document::parse(schema_text)?;
    let document = Document::read(&root)?;
    let measured = caps::measure(&document)?;
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

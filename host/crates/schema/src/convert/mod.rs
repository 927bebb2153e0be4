//! Reads schemas of earlier drafts, and bundles, as schemas of JSON Schema 2020-12 in one document.
//!
//! All else in this crate knows 2020-12 alone, with references that are pointers into the document. What
//! was written for another draft is rewritten where its meaning survives, and refused where it would not.

mod bundle;
mod drafts;
mod modernize;

use serde_json::{Value, json};

use crate::{
    document,
    error::{Error, Result},
    limits::{CONVERSIONS_SHOWN_MAX, CONVERTED_POINTER_BYTES_MAX},
};

/// A schema that was rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The schema as 2020-12, JSON text without white space.
    pub schema_text: String,
    /// What was changed. Never empty, and at most
    /// [`CONVERSIONS_SHOWN_MAX`].
    pub changes: Vec<Change>,
}

/// One thing that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// JSON pointer into the schema as it was sent.
    pub path: String,
    /// What became of the part there, in words.
    pub change: String,
}

impl Converted {
    /// The changes as a JSON list of `{ path, change }`.
    pub fn details(&self) -> Value {
        self.changes.iter().map(|change| json!({ "path": change.path, "change": change.change })).collect()
    }
}

/// Rewrites a schema of draft-04, draft-06, draft-07 or 2019-09, as its `$schema` says, and one that
/// holds schemas with an `$id` of their own. `None` if there is nothing to rewrite; then the schema may
/// still be one that [`inspect`](crate::inspect) refuses.
///
/// # Errors
///
/// [`SchemaInvalid`](crate::Error::SchemaInvalid) if the text is no JSON object or too long, if the
/// schema means something that 2020-12 cannot say, or if its identifiers contradict each other.
pub fn convert(schema_text: &str) -> Result<Option<Converted>> {
    let mut root = document::parse(schema_text)?;
    let mut changes = modernize::modernize(&mut root)?;
    bundle::flatten(&mut root, &mut changes)?;
    if changes.0.is_empty() {
        return Ok(None);
    }
    Ok(Some(Converted { schema_text: root.to_string(), changes: changes.0 }))
}

/// The changes so far, as many as are shown.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn say(&mut self, path: &str, change: impl Into<String>) {
        if self.0.len() < CONVERSIONS_SHOWN_MAX {
            self.0.push(Change { path: path.to_owned(), change: change.into() });
        }
    }
}

/// Refuses a place whose pointer is too long to be kept for every schema.
fn check_pointer(pointer: &str) -> Result<()> {
    if pointer.len() <= CONVERTED_POINTER_BYTES_MAX {
        return Ok(());
    }
    let reason = format!("the names on the way here have more than {CONVERTED_POINTER_BYTES_MAX} bytes together");
    Err(Error::schema(pointer, reason))
}

#[cfg(test)]
mod tests;

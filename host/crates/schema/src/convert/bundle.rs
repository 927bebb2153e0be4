//! Schemas with an `$id` of their own inside of another: documents that were bundled into one.
//!
//! References to them become pointers, and the inner identifiers go, so that no other module has to know
//! about bases of references.

use std::collections::HashMap;

use jsonschema::uri;
use serde_json::{Value, json};

use super::{Changes, check_pointer, drafts::is_current};
use crate::{
    document::{Document, Place, percent_decoded},
    error::{Error, Result},
    keywords::REFERENCES,
    pointer::fragment,
};

/// Makes all references pointers, if the document holds others or references that are not pointers, and
/// adds to `changes` what that changed.
pub(super) fn flatten(root: &mut Value, changes: &mut Changes) -> Result<()> {
    let edits = {
        let document = Document::read(root)?;
        let has_inner = document.objects().any(|(place, schema)| place != Document::ROOT && is_identified(schema));
        let leads_out = (0..document.len())
            .any(|place| document.references(place).iter().any(|reference| reference.target.is_none()));
        if !has_inner && !leads_out {
            return Ok(());
        }
        Bundle::read(&document)?.edits()?
    };
    for Edit { place, keyword, becomes, change } in edits {
        let Some(schema) = root.pointer_mut(&place).and_then(Value::as_object_mut) else { continue };
        match becomes {
            Some(text) => drop(schema.insert(keyword.to_owned(), json!(text))),
            None => drop(schema.shift_remove(keyword)),
        }
        changes.say(&format!("{place}/{keyword}"), change);
    }
    Ok(())
}

fn is_identified(schema: &serde_json::Map<String, Value>) -> bool {
    schema.get("$id").is_some_and(Value::is_string)
}

/// A keyword that gets another value, or goes.
struct Edit {
    place: String,
    keyword: &'static str,
    becomes: Option<String>,
    change: String,
}

/// The documents that a schema holds.
struct Bundle<'d, 'a> {
    document: &'d Document<'a>,
    /// The document that each schema belongs to, by the place of its root.
    owners: Vec<Place>,
    /// The identifier of each document.
    bases: HashMap<Place, String>,
    by_id: HashMap<String, Place>,
}

impl<'d, 'a> Bundle<'d, 'a> {
    fn read(document: &'d Document<'a>) -> Result<Self> {
        let mut bundle =
            Self { document, owners: Vec::with_capacity(document.len()), bases: HashMap::new(), by_id: HashMap::new() };
        for place in 0..document.len() {
            let outer = document.parent(place).map_or(Document::ROOT, |parent| bundle.owners[parent]);
            let id = document.schema(place).get("$id").and_then(Value::as_str);
            if place != Document::ROOT && id.is_none() {
                bundle.owners.push(outer);
                continue;
            }
            bundle.owners.push(place);
            let base = bundle.bases.get(&outer).cloned();
            let base = absolute(base.as_deref(), id.unwrap_or_default())
                .map_err(|reason| Error::schema(&document.pointer(place), reason))?;
            if let Some(other) = bundle.by_id.insert(base.clone(), place) {
                let reason = format!("the schema at {:?} has the same $id", document.pointer(other));
                return Err(Error::schema(&document.pointer(place), reason));
            }
            bundle.bases.insert(place, base);
        }
        Ok(bundle)
    }

    fn edits(&self) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        let is_bundle = self.bases.len() > 1;
        for (place, schema) in self.document.objects() {
            let pointer = self.document.pointer(place);
            check_pointer(&pointer)?;
            for keyword in REFERENCES {
                let Some(text) = schema.get(keyword).and_then(Value::as_str) else { continue };
                if is_bundle && keyword == "$dynamicRef" {
                    let reason = "where a $dynamicRef leads depends on the $id of the schemas around it; \
                                  write it as a $ref";
                    return Err(Error::schema(&pointer, reason));
                }
                let Some(target) = self.target(place, text) else { continue };
                let becomes = fragment(&self.document.pointer(target));
                let is_plain = self.owners[place] == Document::ROOT && text.starts_with('#');
                if becomes != text && !is_plain {
                    edits.push(Edit {
                        place: pointer.clone(),
                        keyword,
                        change: format!("became {becomes}"),
                        becomes: Some(becomes),
                    });
                }
            }
            if self.owners[place] != Document::ROOT {
                self.strip(place, &pointer, &mut edits)?;
            }
        }
        Ok(edits)
    }

    /// Takes away what identifies an inner document and its parts.
    fn strip(&self, place: Place, pointer: &str, edits: &mut Vec<Edit>) -> Result<()> {
        let schema = self.document.schema(place);
        if schema.get("$schema").and_then(Value::as_str).is_some_and(|name| !is_current(name)) {
            return Err(Error::schema(pointer, "this $schema is not that of the root; write both in one"));
        }
        for keyword in ["$id", "$anchor", "$dynamicAnchor", "$schema"] {
            if schema.get(keyword).is_some() {
                let change = "removed: references lead here by pointer".to_owned();
                edits.push(Edit { place: pointer.to_owned(), keyword, becomes: None, change });
            }
        }
        Ok(())
    }

    /// The schema that a reference leads to, if it is in the document.
    fn target(&self, place: Place, reference: &str) -> Option<Place> {
        let base = self.bases.get(&self.owners[place])?;
        let (file, name) = reference.split_once('#').unwrap_or((reference, ""));
        let owner =
            if file.is_empty() { self.owners[place] } else { *self.by_id.get(&absolute(Some(base), file).ok()?)? };
        let name = percent_decoded(name)?;
        if name.is_empty() {
            return Some(owner);
        }
        if name.starts_with('/') {
            return self.document.place(self.document.schema(owner).pointer(&name)?);
        }
        let is_named =
            |keyword: &str, place: Place| self.document.schema(place).get(keyword).is_some_and(|own| *own == name);
        (0..self.document.len()).find(|&place| {
            self.owners[place] == owner && (is_named("$anchor", place) || is_named("$dynamicAnchor", place))
        })
    }
}

/// A URI, read from one that may be relative, without its fragment.
fn absolute(base: Option<&str>, text: &str) -> Result<String, String> {
    let text = text.split('#').next().unwrap_or_default();
    let resolved = match base {
        None => uri::from_str(text),
        Some(base) => uri::from_str(base).and_then(|base| uri::resolve_against(&base.borrow(), text)),
    };
    resolved.map(|uri| uri.as_str().to_owned()).map_err(|_| "this $id is no URI reference".to_owned())
}

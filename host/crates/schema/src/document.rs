//! A schema as a graph: its subschemas, the part of the value that each applies to, and the targets of
//! its references. All other modules look into a schema through [`Document`].

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    keywords::{Applies, REFERENCES, Subschema, is_schema, subschemas},
    limits::{SCHEMA_SUBSCHEMAS_MAX, SCHEMA_TEXT_BYTES_MAX},
    names::{NAME_STANDS_TWICE, repeated_name},
};

/// The place of a schema in the document: an index into [`Document`].
pub(crate) type Place = usize;

/// Reads the text of a schema: a JSON object of at most [`SCHEMA_TEXT_BYTES_MAX`] bytes in which no
/// object has a name twice.
pub(crate) fn parse(schema_text: &str) -> Result<Value> {
    if schema_text.len() > SCHEMA_TEXT_BYTES_MAX {
        return Err(Error::schema("", format!("the schema is longer than {SCHEMA_TEXT_BYTES_MAX} bytes")));
    }
    let no_json = |cause| Error::schema("", format!("the schema is no JSON: {cause}"));
    if let Some(pointer) = repeated_name(schema_text.as_bytes()).map_err(no_json)? {
        return Err(Error::schema(&pointer, NAME_STANDS_TWICE));
    }
    let root = serde_json::from_str(schema_text).map_err(no_json)?;
    match root {
        Value::Object(_) => Ok(root),
        _ => Err(Error::schema("", "a schema is a JSON object")),
    }
}

/// One subschema.
struct Node<'a> {
    schema: &'a Value,
    applies: Applies,
    /// The schema that holds it; `None` for the root and for schemas that only a reference finds.
    parent: Option<Place>,
    /// Its JSON pointer, seen from the parent, or from the root when there is none.
    pointer: String,
    children: Vec<Place>,
    references: Vec<Reference<'a>>,
}

/// A `$ref` or `$dynamicRef`.
pub(crate) struct Reference<'a> {
    /// The reference as it is written.
    pub(crate) text: &'a str,
    /// The schema that it leads to; `None` if that is not in the document.
    pub(crate) target: Option<Place>,
}

/// All subschemas of a schema.
pub(crate) struct Document<'a> {
    root: &'a Value,
    nodes: Vec<Node<'a>>,
    /// Places by the address of the schema, which stays where it is while the document is borrowed.
    places: HashMap<*const Value, Place>,
    anchors: HashMap<&'a str, Place>,
}

impl<'a> Document<'a> {
    /// The place of the schema that holds all others.
    pub(crate) const ROOT: Place = 0;

    /// Finds every subschema of `root`; [`Error::SchemaInvalid`] if they are more than
    /// [`SCHEMA_SUBSCHEMAS_MAX`]. References that lead nowhere are found, not refused.
    pub(crate) fn read(root: &'a Value) -> Result<Self> {
        let mut document = Self { root, nodes: Vec::new(), places: HashMap::new(), anchors: HashMap::new() };
        document.add(root, None, Applies::InPlace, String::new())?;
        let (mut searched, mut followed) = (0, 0);
        while followed < document.nodes.len() {
            while searched < document.nodes.len() {
                document.find_children(searched)?;
                searched += 1;
            }
            // A reference may name an anchor that stands further down, so references wait until
            // all else is found. They may in turn lead to schemas below unknown keywords.
            document.follow_references(followed)?;
            followed += 1;
        }
        Ok(document)
    }

    /// The whole schema.
    pub(crate) fn root(&self) -> &'a Value {
        self.root
    }

    /// The number of subschemas, the root included. Places are counted from 0, the root.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The subschema at a place: an object, `true` or `false`.
    pub(crate) fn schema(&self, place: Place) -> &'a Value {
        self.nodes[place].schema
    }

    /// The place of a subschema of the root.
    pub(crate) fn place(&self, schema: &'a Value) -> Option<Place> {
        self.places.get(&std::ptr::from_ref(schema)).copied()
    }

    /// Every subschema that is an object; the others are `true` and `false`.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (Place, &'a Map<String, Value>)> {
        self.nodes.iter().enumerate().filter_map(|(place, node)| Some((place, node.schema.as_object()?)))
    }

    /// The subschemas right below one, and the part of its value that each applies to.
    pub(crate) fn children(&self, place: Place) -> impl Iterator<Item = (Place, Applies)> {
        self.nodes[place].children.iter().map(|&child| (child, self.nodes[child].applies))
    }

    /// The references of a subschema.
    pub(crate) fn references(&self, place: Place) -> &[Reference<'a>] {
        &self.nodes[place].references
    }

    /// The subschema that holds another; `None` for the root and for those that only a reference finds.
    pub(crate) fn parent(&self, place: Place) -> Option<Place> {
        self.nodes[place].parent
    }

    /// The JSON pointer of a subschema.
    pub(crate) fn pointer(&self, place: Place) -> String {
        let mut steps = Vec::new();
        let mut next = Some(place);
        while let Some(node) = next.map(|place| &self.nodes[place]) {
            steps.push(node.pointer.as_str());
            next = node.parent;
        }
        steps.reverse();
        steps.concat()
    }

    fn add(&mut self, schema: &'a Value, parent: Option<Place>, applies: Applies, pointer: String) -> Result<Place> {
        let place = self.nodes.len();
        if place == SCHEMA_SUBSCHEMAS_MAX {
            return Err(Error::schema("", format!("the schema has more than {SCHEMA_SUBSCHEMAS_MAX} subschemas")));
        }
        self.nodes.push(Node { schema, applies, parent, pointer, children: Vec::new(), references: Vec::new() });
        self.places.insert(schema, place);
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = schema.get(keyword).and_then(Value::as_str) {
                self.anchors.insert(name, place);
            }
        }
        Ok(place)
    }

    fn find_children(&mut self, parent: Place) -> Result<()> {
        let Some(schema) = self.nodes[parent].schema.as_object() else {
            return Ok(());
        };
        for subschema in subschemas(schema) {
            let Subschema { pointer, applies, schema } = subschema;
            let place = self.add(schema, Some(parent), applies, pointer)?;
            self.nodes[parent].children.push(place);
        }
        Ok(())
    }

    fn follow_references(&mut self, place: Place) -> Result<()> {
        let schema = self.nodes[place].schema;
        for text in REFERENCES.into_iter().filter_map(|keyword| schema.get(keyword)?.as_str()) {
            let target = match self.resolve(text) {
                Some(Target::Anchor(place)) => Some(place),
                Some(Target::Schema(schema, pointer)) => Some(match self.places.get(&std::ptr::from_ref(schema)) {
                    Some(&known) => known,
                    None => self.add(schema, None, Applies::OnReference, pointer)?,
                }),
                None => None,
            };
            self.nodes[place].references.push(Reference { text, target });
        }
        Ok(())
    }

    /// Resolves a reference that stays in the document: a fragment, alone or after the root's own `$id`.
    fn resolve(&self, reference: &str) -> Option<Target<'a>> {
        let fragment = reference.strip_prefix('#').or_else(|| {
            let id = self.root.get("$id")?.as_str()?.trim_end_matches('#');
            let rest = reference.strip_prefix(id)?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix('#') }
        })?;
        let fragment = percent_decoded(fragment)?;
        if fragment.is_empty() || fragment.starts_with('/') {
            let schema = self.root.pointer(&fragment)?;
            return is_schema(schema).then_some(Target::Schema(schema, fragment));
        }
        self.anchors.get(fragment.as_str()).copied().map(Target::Anchor)
    }
}

/// The schema that a reference names.
enum Target<'a> {
    Anchor(Place),
    Schema(&'a Value, String),
}

/// A URI fragment without its `%` escapes; `None` if one of them is broken.
pub(crate) fn percent_decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_lead_where_json_schema_says() {
        let schema = json!({
            "$id": "https://example.com/own.json",
            "allOf": [
                { "$ref": "#" },
                { "$ref": "#/$defs/a~1b" },
                { "$ref": "#/%24defs/a%7E1b" },
                { "$ref": "#named" },
                { "$dynamicRef": "#dynamic" },
                { "$ref": "https://example.com/own.json#/$defs/a~1b" },
                { "$ref": "https://example.com/own.json" },
                { "$ref": "#/x-vendor/0" },
            ],
            "$defs": { "a/b": { "$anchor": "named" }, "d": { "$dynamicAnchor": "dynamic" } },
            "x-vendor": [{ "items": {} }],
        });
        let document = Document::read(&schema).expect("legal");
        let targets: Vec<_> = (0..document.len())
            .flat_map(|place| document.references(place))
            .map(|reference| document.pointer(reference.target.expect("in the document")))
            .collect();
        let named = "/$defs/a~1b";
        assert_eq!(targets, ["", named, named, named, "/$defs/d", named, "", "/x-vendor/0"]);
        assert_eq!(document.pointer(document.len() - 1), "/x-vendor/0/items");
    }

    #[test]
    fn references_that_leave_the_document_lead_nowhere() {
        for reference in
            ["", "other.json", "https://example.com/a", "#nowhere", "#/$defs/none", "#/type", "#/%zz", "#/%f"]
        {
            let schema = json!({ "$ref": reference, "type": "object" });
            let document = Document::read(&schema).expect("legal");
            assert_eq!(document.references(0)[0].target, None, "{reference}");
        }
    }

    #[test]
    fn schema_subschemas_max() {
        let branches = |count: usize| json!({ "allOf": vec![json!({}); count] });
        assert!(Document::read(&branches(SCHEMA_SUBSCHEMAS_MAX - 1)).is_ok());
        assert!(Document::read(&branches(SCHEMA_SUBSCHEMAS_MAX)).is_err());
    }
}

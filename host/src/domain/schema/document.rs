//! A schema as a graph: where in the text its subschemas stand, what each is applied to, and
//! where its references lead. Everything else that looks into a schema looks through this.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::invalid;
use crate::{domain::limits::SCHEMA_SUBSCHEMAS_MAX, error::Result};

/// The dialect of schemas in OpenAPI 3.1 documents, as `$schema` names it.
pub(super) const OPENAPI_DIALECT: &str = "https://spec.openapis.org/oas/3.1/dialect/base";
/// The dialect of everything else.
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// How a keyword holds its subschemas.
#[derive(Clone, Copy)]
enum Shape {
    One,
    List,
    Map,
}

/// What a subschema is applied to, seen from the schema that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applies {
    /// To the same value.
    InPlace,
    /// To a member or an element that the contract counts as one level deeper.
    OneLevelDown,
    /// To another part of the value, which does not count as a level.
    Inside,
    /// To nothing by itself; it waits for a reference.
    OnReference,
}

/// Every keyword of JSON Schema 2020-12 that holds schemas, with the two that older drafts left
/// behind and its meta-schema still allows.
const KEYWORDS: [(&str, Shape, Applies); 21] = [
    ("allOf", Shape::List, Applies::InPlace),
    ("anyOf", Shape::List, Applies::InPlace),
    ("oneOf", Shape::List, Applies::InPlace),
    ("not", Shape::One, Applies::InPlace),
    ("if", Shape::One, Applies::InPlace),
    ("then", Shape::One, Applies::InPlace),
    ("else", Shape::One, Applies::InPlace),
    ("dependentSchemas", Shape::Map, Applies::InPlace),
    ("dependencies", Shape::Map, Applies::InPlace),
    ("properties", Shape::Map, Applies::OneLevelDown),
    ("items", Shape::One, Applies::OneLevelDown),
    ("prefixItems", Shape::List, Applies::OneLevelDown),
    ("patternProperties", Shape::Map, Applies::Inside),
    ("additionalProperties", Shape::One, Applies::Inside),
    ("unevaluatedProperties", Shape::One, Applies::Inside),
    ("unevaluatedItems", Shape::One, Applies::Inside),
    ("propertyNames", Shape::One, Applies::Inside),
    ("contains", Shape::One, Applies::Inside),
    ("contentSchema", Shape::One, Applies::OnReference),
    ("$defs", Shape::Map, Applies::OnReference),
    ("definitions", Shape::Map, Applies::OnReference),
];

/// The keywords that point to another schema. Within one document without nested `$id`s, a
/// dynamic reference leads where a plain one does.
const REFERENCES: [&str; 2] = ["$ref", "$dynamicRef"];

/// The place of a schema in the document: an index into [`Document`].
pub(super) type Place = usize;

/// One subschema.
struct Node<'a> {
    schema: &'a Value,
    applies: Applies,
    /// The schema that holds it; `None` for the root and for what only a reference finds.
    parent: Option<Place>,
    /// Its JSON pointer, seen from the parent, or from the root when there is none.
    pointer: String,
    children: Vec<Place>,
    references: Vec<Reference<'a>>,
}

/// A `$ref` or `$dynamicRef`.
pub(super) struct Reference<'a> {
    /// As written.
    pub(super) text: &'a str,
    /// The schema it leads to; `None` when that is not in the document.
    pub(super) target: Option<Place>,
}

/// All subschemas of a schema.
pub(super) struct Document<'a> {
    root: &'a Value,
    nodes: Vec<Node<'a>>,
    /// Places by the address of the schema, which stays where it is while the document is borrowed.
    places: HashMap<*const Value, Place>,
    anchors: HashMap<&'a str, Place>,
}

impl<'a> Document<'a> {
    /// Finds every subschema of `root`; code `invalid_json_schema` when they are more than
    /// [`SCHEMA_SUBSCHEMAS_MAX`]. References that lead nowhere are found, not refused.
    pub(super) fn read(root: &'a Value) -> Result<Self> {
        let mut document = Self { root, nodes: Vec::new(), places: HashMap::new(), anchors: HashMap::new() };
        document.add(root, None, Applies::InPlace, String::new())?;
        let (mut searched, mut followed) = (0, 0);
        while followed < document.nodes.len() {
            while searched < document.nodes.len() {
                document.find_children(searched)?;
                searched += 1;
            }
            // A reference may name an anchor that stands further down, so references wait until
            // all else is found. They may in turn lead to schemas below keywords that nobody knows.
            document.follow_references(followed)?;
            followed += 1;
        }
        Ok(document)
    }

    /// The text's value.
    pub(super) fn root(&self) -> &'a Value {
        self.root
    }

    /// How many subschemas there are, the root included. Places are counted from 0, the root.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Every subschema that is an object; the others are `true` and `false`.
    pub(super) fn objects(&self) -> impl Iterator<Item = (Place, &'a Map<String, Value>)> {
        self.nodes.iter().enumerate().filter_map(|(place, node)| Some((place, node.schema.as_object()?)))
    }

    /// The subschemas right below one, and what each is applied to.
    pub(super) fn children(&self, place: Place) -> impl Iterator<Item = (Place, Applies)> {
        self.nodes[place].children.iter().map(|&child| (child, self.nodes[child].applies))
    }

    /// The references of a subschema.
    pub(super) fn references(&self, place: Place) -> &[Reference<'a>] {
        &self.nodes[place].references
    }

    /// Where a subschema stands, as a JSON pointer.
    pub(super) fn pointer(&self, place: Place) -> String {
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
            return Err(invalid("", &format!("the schema has more than {SCHEMA_SUBSCHEMAS_MAX} subschemas")));
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
        for (keyword, shape, applies) in KEYWORDS {
            let Some(value) = schema.get(keyword) else {
                continue;
            };
            for (pointer, child) in held(keyword, shape, value) {
                let place = self.add(child, Some(parent), applies, pointer)?;
                self.nodes[parent].children.push(place);
            }
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

/// What a reference was found to name.
enum Target<'a> {
    Anchor(Place),
    Schema(&'a Value, String),
}

/// The schemas that a keyword's value holds, each with its pointer from the schema of the keyword.
fn held<'a>(keyword: &str, shape: Shape, value: &'a Value) -> Vec<(String, &'a Value)> {
    let mut found = match (shape, value) {
        (Shape::One, schema) => vec![(format!("/{keyword}"), schema)],
        (Shape::List, Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| (format!("/{keyword}/{index}"), item)).collect()
        }
        (Shape::Map, Value::Object(members)) => {
            members.iter().map(|(name, member)| (format!("/{keyword}/{}", escaped(name)), member)).collect()
        }
        // Not what the keyword takes: the compiler says so, with better words.
        (Shape::List | Shape::Map, _) => Vec::new(),
    };
    found.retain(|(_, schema)| is_schema(schema));
    found
}

fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Bool(_))
}

/// A step of a JSON pointer (RFC 6901).
fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// A URI fragment without its `%` escapes, which `None` says are broken.
fn percent_decoded(fragment: &str) -> Option<String> {
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

    fn pointers(schema: &Value) -> Vec<String> {
        let document = Document::read(schema).expect("legal");
        (0..document.len()).map(|place| document.pointer(place)).collect()
    }

    #[test]
    fn every_keyword_that_holds_schemas_is_known() {
        for (keyword, shape, _) in KEYWORDS {
            let (value, pointer) = match shape {
                Shape::One => (json!({}), format!("/{keyword}")),
                Shape::List => (json!([{}]), format!("/{keyword}/0")),
                Shape::Map => (json!({ "a/b~c": {} }), format!("/{keyword}/a~1b~0c")),
            };
            assert_eq!(pointers(&json!({ keyword: value })), [String::new(), pointer]);
        }
    }

    #[test]
    fn values_and_unknown_keywords_hold_no_schemas() {
        let schema = json!({
            "const": { "properties": { "a": {} } }, "enum": [{ "not": {} }], "default": { "items": {} },
            "examples": [{ "items": {} }], "x-vendor": { "items": {} }, "dependencies": { "a": ["b"] },
            "required": ["a"], "allOf": "no list", "properties": ["no map"], "not": 1,
        });
        assert_eq!(pointers(&schema), [""]);
    }

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

//! The keywords of JSON Schema 2020-12 that hold schemas, and the part of the value that those apply to.

use serde_json::{Map, Value};

use crate::pointer::escaped;

/// The dialect of schemas in OpenAPI 3.1 documents, as `$schema` names it.
pub(crate) const OPENAPI_DIALECT: &str = "https://spec.openapis.org/oas/3.1/dialect/base";
/// The dialect of all other schemas.
pub(crate) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The keywords that point to another schema. Within one document without nested `$id`s, a
/// dynamic reference leads where a plain one does.
pub(crate) const REFERENCES: [&str; 2] = ["$ref", "$dynamicRef"];

/// How a keyword holds its subschemas.
#[derive(Clone, Copy)]
enum Shape {
    One,
    List,
    Map,
}

/// The part of a value that a subschema applies to, seen from the schema that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applies {
    /// To the same value.
    InPlace,
    /// To members or elements.
    Part,
    /// To the names of members.
    Name,
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
    ("properties", Shape::Map, Applies::Part),
    ("items", Shape::One, Applies::Part),
    ("prefixItems", Shape::List, Applies::Part),
    ("patternProperties", Shape::Map, Applies::Part),
    ("additionalProperties", Shape::One, Applies::Part),
    ("unevaluatedProperties", Shape::One, Applies::Part),
    ("unevaluatedItems", Shape::One, Applies::Part),
    ("propertyNames", Shape::One, Applies::Name),
    ("contains", Shape::One, Applies::Part),
    ("contentSchema", Shape::One, Applies::OnReference),
    ("$defs", Shape::Map, Applies::OnReference),
    ("definitions", Shape::Map, Applies::OnReference),
];

/// A subschema, seen from the schema that holds it.
pub(crate) struct Subschema<'a> {
    /// The steps of its JSON pointer from there.
    pub(crate) pointer: String,
    pub(crate) applies: Applies,
    pub(crate) schema: &'a Value,
}

/// The subschemas right below a schema.
pub(crate) fn subschemas(schema: &Map<String, Value>) -> impl Iterator<Item = Subschema<'_>> {
    KEYWORDS.into_iter().flat_map(|(keyword, shape, applies)| {
        let held = schema.get(keyword).map_or_else(Vec::new, |value| held(keyword, shape, value));
        held.into_iter().map(move |(pointer, schema)| Subschema { pointer, applies, schema })
    })
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
        // The keyword takes no such value: the compiler refuses it, in better words.
        (Shape::List | Shape::Map, _) => Vec::new(),
    };
    found.retain(|(_, schema)| is_schema(schema));
    found
}

/// Whether the value is a schema by its type.
pub(crate) fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Bool(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(schema: &Value) -> Vec<String> {
        subschemas(schema.as_object().expect("an object")).map(|subschema| subschema.pointer).collect()
    }

    #[test]
    fn every_keyword_that_holds_schemas_is_known() {
        for (keyword, shape, _) in KEYWORDS {
            let (value, pointer) = match shape {
                Shape::One => (json!({}), format!("/{keyword}")),
                Shape::List => (json!([{}]), format!("/{keyword}/0")),
                Shape::Map => (json!({ "a/b~c": {} }), format!("/{keyword}/a~1b~0c")),
            };
            assert_eq!(pointers(&json!({ keyword: value })), [pointer]);
        }
    }

    #[test]
    fn values_and_unknown_keywords_hold_no_schemas() {
        let schema = json!({
            "const": { "properties": { "a": {} } }, "enum": [{ "not": {} }], "default": { "items": {} },
            "examples": [{ "items": {} }], "x-vendor": { "items": {} }, "dependencies": { "a": ["b"] },
            "required": ["a"], "allOf": "no list", "properties": ["no map"], "not": 1,
        });
        assert_eq!(pointers(&schema), [""; 0]);
    }
}

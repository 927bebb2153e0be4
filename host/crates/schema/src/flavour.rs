//! Tells plain JSON Schema from schemas of OpenAPI documents.

use crate::{document::Document, keywords::OPENAPI_DIALECT};

/// Keywords that OpenAPI adds to JSON Schema. Some of them mean nothing in one of its versions, but
/// each of them shows that the schema was written for OpenAPI.
const OPENAPI_KEYWORDS: [&str; 5] = ["discriminator", "xml", "externalDocs", "example", "nullable"];

/// The dialect of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// JSON Schema, draft 2020-12.
    JsonSchema,
    /// A component schema of OpenAPI 3.1.
    OpenApi,
}

impl Flavour {
    /// The stable name: `json-schema-2020-12` or `openapi-3.1`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonSchema => "json-schema-2020-12",
            Self::OpenApi => "openapi-3.1",
        }
    }
}

/// [`Flavour::OpenApi`] if the dialect says so, or a keyword of OpenAPI stands where a keyword stands.
/// A property that is merely called `example` is no keyword.
pub(crate) fn detect(document: &Document<'_>) -> Flavour {
    let says_so = document.root().get("$schema").is_some_and(|dialect| dialect == OPENAPI_DIALECT);
    let looks_so =
        document.objects().any(|(_, schema)| OPENAPI_KEYWORDS.iter().any(|keyword| schema.contains_key(*keyword)));
    if says_so || looks_so { Flavour::OpenApi } else { Flavour::JsonSchema }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn flavour(schema: &Value) -> Flavour {
        detect(&Document::read(schema).expect("legal"))
    }

    #[test]
    fn keywords_of_openapi_tell_at_any_depth() {
        for keyword in OPENAPI_KEYWORDS {
            for schema in [
                json!({ keyword: true }),
                json!({ "properties": { "a": { keyword: {} } } }),
                json!({ "$defs": { "a": { "items": { keyword: "x" } } } }),
                json!({ "oneOf": [{}, { "not": { keyword: null } }] }),
                json!({ "if": { "patternProperties": { "^x": { keyword: 1 } } } }),
            ] {
                assert_eq!(flavour(&schema), Flavour::OpenApi, "{schema}");
            }
        }
    }

    #[test]
    fn names_and_values_do_not_tell() {
        for keyword in OPENAPI_KEYWORDS {
            for schema in [
                json!({ "properties": { keyword: { "type": "string" } }, "required": [keyword] }),
                json!({ "const": { keyword: 1 }, "enum": [{ keyword: 1 }], "default": { keyword: 1 } }),
                json!({ "examples": [{ keyword: 1 }] }),
                json!({ "$defs": { keyword: {} }, "patternProperties": { keyword: {} } }),
                json!({ "dependentRequired": { keyword: ["a"] } }),
                json!({ "x-vendor": { keyword: 1 } }),
            ] {
                assert_eq!(flavour(&schema), Flavour::JsonSchema, "{schema}");
            }
        }
    }

    #[test]
    fn the_dialect_itself_tells() {
        assert_eq!(flavour(&json!({ "$schema": OPENAPI_DIALECT })), Flavour::OpenApi);
    }

    #[test]
    fn the_names_are_stable() {
        assert_eq!(Flavour::OpenApi.as_str(), "openapi-3.1");
        assert_eq!(Flavour::JsonSchema.as_str(), "json-schema-2020-12");
    }
}

//! The drafts that are read, by the name that `$schema` gives them, and what they do not know.

use serde_json::Value;

use crate::keywords::{DIALECT, OPENAPI_DIALECT};

/// A draft before 2020-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    Four,
    Six,
    Seven,
    Of2019,
}

/// The names of drafts, without the scheme and the empty fragment.
const NAMES: [(&str, Draft); 6] = [
    ("json-schema.org/draft-04/schema", Draft::Four),
    ("json-schema.org/draft-06/schema", Draft::Six),
    ("json-schema.org/draft-07/schema", Draft::Seven),
    // “The latest”, which the last draft to use such names was for longest.
    ("json-schema.org/schema", Draft::Seven),
    ("json-schema.org/draft/2019-09/schema", Draft::Of2019),
    // The meta-schema of Iglu is draft-04 with a member `self`, which annotates.
    ("iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0", Draft::Four),
];

/// Keywords that later drafts added, each with the first draft that knows it; `None` is 2020-12. An
/// earlier draft ignores them.
const ADDED: [(&str, Option<Draft>); 17] = [
    ("const", Some(Draft::Six)),
    ("contains", Some(Draft::Six)),
    ("propertyNames", Some(Draft::Six)),
    ("if", Some(Draft::Seven)),
    ("then", Some(Draft::Seven)),
    ("else", Some(Draft::Seven)),
    ("dependentRequired", Some(Draft::Of2019)),
    ("dependentSchemas", Some(Draft::Of2019)),
    ("unevaluatedProperties", Some(Draft::Of2019)),
    ("unevaluatedItems", Some(Draft::Of2019)),
    ("minContains", Some(Draft::Of2019)),
    ("maxContains", Some(Draft::Of2019)),
    ("$anchor", Some(Draft::Of2019)),
    ("$recursiveRef", Some(Draft::Of2019)),
    ("prefixItems", None),
    ("$dynamicRef", None),
    ("$dynamicAnchor", None),
];

impl Draft {
    /// The draft that a schema names; `None` for 2020-12, for a schema that names none, and for names that
    /// are not known here.
    pub(super) fn of(schema: &Value) -> Option<Self> {
        let name = schema.get("$schema")?.as_str()?.trim_end_matches('#');
        let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"))?;
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, draft)| *draft)
    }

    /// The name for people.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Four => "draft-04",
            Self::Six => "draft-06",
            Self::Seven => "draft-07",
            Self::Of2019 => "draft 2019-09",
        }
    }

    /// The keyword that identifies a schema.
    pub(super) const fn id(self) -> &'static str {
        if matches!(self, Self::Four) { "id" } else { "$id" }
    }

    /// Whether the keywords beside a `$ref` are ignored.
    pub(super) fn ignores_beside_ref(self) -> bool {
        self < Self::Of2019
    }

    /// The keywords that the draft ignores, and 2020-12 would obey.
    pub(super) fn unknown(self) -> impl Iterator<Item = &'static str> {
        let of_ids = (self == Self::Four).then_some("$id");
        let later = ADDED.into_iter().filter(move |(_, first)| first.is_none_or(|first| self < first));
        later.map(|(keyword, _)| keyword).chain(of_ids)
    }
}

/// Whether `$schema` names the dialect that all schemas are rewritten to, or the one of `OpenAPI` 3.1.
pub(super) fn is_current(name: &str) -> bool {
    [DIALECT, OPENAPI_DIALECT].contains(&name.trim_end_matches('#'))
}

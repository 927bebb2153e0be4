//! The crate's error type.

use std::fmt;

use serde_json::{Value, json};

/// Characters of a JSON pointer in an error: names of members may be as long as the whole text.
pub(crate) const POINTER_CHARS_SHOWN: usize = 512;

/// The result of everything in this crate that can fail.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a schema, a payload or a filter is refused.
///
/// The variant is the kind, [`Display`](fmt::Display) the sentence for people, and
/// [`details`](Error::details) the same for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The schema has more levels than its [`Caps`](crate::Caps) allow, or its subschemas nest deeper than
    /// [`SCHEMA_NESTING_MAX`](crate::limits::SCHEMA_NESTING_MAX).
    SchemaTooDeep {
        /// JSON pointer into the schema: the first part that is too deep. Shortened to 512 characters.
        pointer: String,
        /// Which of the two, in words.
        reason: String,
    },
    /// The schema declares more properties than its [`Caps`](crate::Caps) allow.
    SchemaTooWide {
        /// JSON pointer into the schema: the `properties` that are too many. Shortened to 512 characters.
        pointer: String,
        /// The number and its bound, in words.
        reason: String,
    },
    /// The text is no JSON Schema, or one that this crate does not take.
    SchemaInvalid {
        /// JSON pointer into the schema; empty for the root. Shortened to 512 characters.
        pointer: String,
        /// What is wrong there, in words.
        reason: String,
    },
    /// The payload breaks the schema, or takes too long to be checked.
    PayloadInvalid {
        /// Never empty, and at most
        /// [`PAYLOAD_ERRORS_SHOWN_MAX`](crate::limits::PAYLOAD_ERRORS_SHOWN_MAX).
        errors: Vec<PayloadError>,
    },
    /// The text is no filter.
    FilterInvalid {
        /// JSON pointer into the filter; empty for the root.
        path: String,
        /// What is wrong there, in words.
        reason: String,
    },
    /// The filter provably matches no payload that one of the schemas allows.
    FilterNeverMatches {
        /// JSON pointer into the filter: the member that cannot match.
        path: String,
        /// JSON pointer into the payload: the declared member that is most like the one that the
        /// filter names. `None` if no declared member is like it.
        nearest: Option<String>,
        /// Why it cannot match, in words.
        reason: String,
    },
}

/// One place where a payload breaks its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadError {
    /// JSON pointer into the payload; empty for the root. Shortened to 512 characters.
    pub path: String,
    /// The keyword of the schema that is broken; empty if the check was given up.
    pub keyword: String,
    /// What is wrong, in words. Repeats no value of the payload, and at most
    /// [`PAYLOAD_ERROR_CHARS_MAX`](crate::limits::PAYLOAD_ERROR_CHARS_MAX) characters of its names.
    pub message: String,
}

impl Error {
    /// [`Error::SchemaInvalid`] for the part of the schema at `pointer`.
    pub(crate) fn schema(pointer: &str, reason: impl Into<String>) -> Self {
        Self::SchemaInvalid { pointer: shortened(pointer, POINTER_CHARS_SHOWN), reason: reason.into() }
    }

    /// [`Error::SchemaTooDeep`] at the part of the schema at `pointer`.
    pub(crate) fn too_deep(pointer: &str, reason: String) -> Self {
        Self::SchemaTooDeep { pointer: shortened(pointer, POINTER_CHARS_SHOWN), reason }
    }

    /// [`Error::SchemaTooWide`] at the part of the schema at `pointer`.
    pub(crate) fn too_wide(pointer: &str, reason: String) -> Self {
        Self::SchemaTooWide { pointer: shortened(pointer, POINTER_CHARS_SHOWN), reason }
    }

    /// [`Error::FilterInvalid`] for the part of the filter at `path`.
    pub(crate) fn filter(path: &str, reason: impl Into<String>) -> Self {
        Self::FilterInvalid { path: path.to_owned(), reason: reason.into() }
    }

    /// The error's fields as a JSON object:
    /// `{ pointer, reason }` of a schema, `{ errors: [{ path, keyword, message }] }` of a payload,
    /// `{ path, reason }` of a filter, and `{ path, nearest, reason }` of one that never matches.
    pub fn details(&self) -> Value {
        match self {
            Self::SchemaTooDeep { pointer, reason }
            | Self::SchemaTooWide { pointer, reason }
            | Self::SchemaInvalid { pointer, reason } => json!({ "pointer": pointer, "reason": reason }),
            Self::PayloadInvalid { errors } => {
                let errors: Vec<Value> = errors.iter().map(PayloadError::details).collect();
                json!({ "errors": errors })
            }
            Self::FilterInvalid { path, reason } => json!({ "path": path, "reason": reason }),
            Self::FilterNeverMatches { path, nearest, reason } => {
                json!({ "path": path, "nearest": nearest, "reason": reason })
            }
        }
    }
}

impl PayloadError {
    fn details(&self) -> Value {
        json!({ "path": self.path, "keyword": self.keyword, "message": self.message })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SchemaTooDeep { pointer, reason }
            | Self::SchemaTooWide { pointer, reason }
            | Self::SchemaInvalid { pointer, reason } => write!(f, "at {}: {reason}", or_the_root(pointer)),
            Self::PayloadInvalid { .. } => f.write_str("the payload does not match the schema"),
            Self::FilterInvalid { path, reason } => write!(f, "at {}: {reason}", or_the_root(path)),
            Self::FilterNeverMatches { path, nearest, reason } => {
                write!(f, "at {path}: {reason}")?;
                nearest.as_ref().map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
            }
        }
    }
}

impl std::error::Error for Error {}

fn or_the_root(pointer: &str) -> &str {
    if pointer.is_empty() { "the root" } else { pointer }
}

/// The beginning of a text that comes from a schema or a payload, for a message.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where_they_are() {
        for (error, sentence) in [
            (Error::schema("", "why"), "at the root: why"),
            (Error::schema("/a", "why"), "at /a: why"),
            (Error::filter("", "why"), "at the root: why"),
            (Error::filter("/a", "why"), "at /a: why"),
        ] {
            assert_eq!(error.to_string(), sentence);
        }
    }

    #[test]
    fn pointers_are_shortened() {
        let Error::SchemaInvalid { pointer, .. } = Error::schema(&"ä".repeat(POINTER_CHARS_SHOWN + 1), "why") else {
            panic!("another error");
        };
        assert_eq!(pointer.chars().count(), POINTER_CHARS_SHOWN + 1);
        assert!(pointer.ends_with("ä…"));
        assert_eq!(shortened("ä", 1), "ä");
    }

    #[test]
    fn details_are_the_fields() {
        for error in
            [Error::schema("/a", "why"), Error::too_deep("/a", "why".into()), Error::too_wide("/a", "why".into())]
        {
            assert_eq!(error.details(), json!({ "pointer": "/a", "reason": "why" }));
            assert_eq!(error.to_string(), "at /a: why");
        }
        let errors = vec![PayloadError { path: "/a".into(), keyword: "type".into(), message: "why".into() }];
        let shown = json!({ "errors": [{ "path": "/a", "keyword": "type", "message": "why" }] });
        assert_eq!(Error::PayloadInvalid { errors }.details(), shown);
        let never = |nearest| Error::FilterNeverMatches { path: "/a".into(), nearest, reason: "why".into() };
        assert_eq!(never(None).details(), json!({ "path": "/a", "nearest": null, "reason": "why" }));
        assert_eq!(never(None).to_string(), "at /a: why");
        assert_eq!(never(Some("/b".into())).to_string(), "at /a: why; did you mean /b?");
    }
}

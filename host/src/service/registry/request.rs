//! The request to register a version of an event.

use crate::{domain::limits::TEXT_CHARS_MAX, error::Result, fail};

/// A version of an event to be.
#[derive(Clone, Copy, Debug)]
pub struct RegisterRequest<'a> {
    /// The part of the event's name before the first dot.
    pub namespace: &'a str,
    /// The part of the event's name after the first dot.
    pub name: &'a str,
    /// `MAJOR.MINOR.PATCH`.
    pub version: &'a str,
    /// The schema: JSON text of an object.
    pub payload_schema: &'a str,
    /// An example that has to match the schema: JSON text of an object.
    pub payload_example: Option<&'a str>,
    /// `draft` or `published`; `None` is `draft`.
    pub status: Option<&'a str>,
    /// A description for people.
    pub description: Option<&'a str>,
    /// `backward` or `strict`; `None` is `backward`. Says which payloads a minor version has to go on
    /// accepting.
    pub compatibility: Option<&'a str>,
}

/// Checks a description for people. Code `invalid_request`.
pub(in crate::service) fn check_description(description: Option<&str>) -> Result<Option<String>> {
    match description {
        Some(text) if text.chars().count() > TEXT_CHARS_MAX || text.contains('\0') => {
            Err(fail!(InvalidRequest, "description has at most {TEXT_CHARS_MAX} characters and no NUL"))
        }
        other => Ok(other.map(str::to_owned)),
    }
}

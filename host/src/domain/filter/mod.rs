//! Content filters of subscriptions: what a filter says, and whether it can match at all.
//!
//! Filters are evaluated by the built-in router, in `guests/router`, and nowhere else. Here a filter
//! is checked when it is set, so that no mistake waits until events fail to arrive: [`parse`] finds
//! what is no filter, [`mod@never`] what can never match an event of the registered schemas. What each
//! part means is in `docs/filters.md` and `tests/corpus/filters.json`.

mod nearest;
mod never;
mod parse;
mod site;
mod test;

use serde_json::{Value, json};

use super::limits::FILTER_BYTES_MAX;
use crate::{
    error::{Error, Result},
    fail,
};
use test::Test;

/// A filter that is well formed.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    conditions: Vec<Condition>,
}

/// What has to hold of an object; all conditions of a list do.
#[derive(Clone, Debug)]
enum Condition {
    /// The member of that name passes one of the tests.
    Leaf(String, Vec<Test>),
    /// The conditions hold of the member of that name.
    Member(String, Vec<Condition>),
    /// One of the lists of conditions holds of the object itself.
    Or(Vec<Vec<Condition>>),
}

impl Filter {
    /// Reads a filter; code `filter_invalid`, with `details` of `path`, a JSON pointer into the
    /// filter, and `reason`.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_str(text).map_err(|cause| invalid("", &format!("the filter is no JSON: {cause}")))?;
        let text = value.to_string();
        if text.len() > FILTER_BYTES_MAX {
            let reason =
                format!("the filter has {} bytes without white space, more than {FILTER_BYTES_MAX}", text.len());
            return Err(invalid("", &reason));
        }
        Ok(Self { conditions: parse::conditions(&value)?, text })
    }

    /// The filter as JSON text without white space, as the router gets it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Makes sure that the filter may match an event of one of these registered schemas; code
    /// `filter_never_matches`, with `details` of `path`, `nearest` and `reason`. `path` is a JSON
    /// pointer to the member of the filter that cannot match, `nearest` one to the most similar
    /// member that the schema declares, or `null`; both are about the first schema of the list.
    ///
    /// Refused is only what provably matches no payload that one of the schemas allows.
    pub fn check_against(&self, schemas: &[&Value]) -> Result<()> {
        let mut first = None;
        for schema in schemas {
            match never::why(&self.conditions, schema)? {
                Some(impossible) => first = first.or(Some(impossible)),
                None => return Ok(()),
            }
        }
        first.map_or(Ok(()), |impossible| Err(impossible.into()))
    }
}

/// Why a filter never matches.
#[derive(Debug)]
struct Impossible {
    /// JSON pointer into the filter.
    path: String,
    /// JSON pointer into the payload.
    nearest: Option<String>,
    reason: String,
}

impl From<Impossible> for Error {
    fn from(impossible: Impossible) -> Self {
        let Impossible { path, nearest, reason } = impossible;
        let hint = nearest.as_ref().map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        fail!(FilterNeverMatches, "at {path}: {reason}{hint}")
            .with_details(json!({ "path": path, "nearest": nearest, "reason": reason }))
    }
}

/// `filter_invalid` for the part of the filter at `path`.
fn invalid(path: &str, reason: &str) -> Error {
    let at = if path.is_empty() { "the root" } else { path };
    fail!(FilterInvalid, "at {at}: {reason}").with_details(json!({ "path": path, "reason": reason }))
}

/// Adds a step to a JSON pointer.
fn push_step(path: &mut String, step: &str) {
    path.push('/');
    path.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests;

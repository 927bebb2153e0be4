//! Whether a new version of a schema still takes every payload that the old one took
//! (contract 6.2).

mod patch;
mod verdict;

pub use patch::is_patch_equal;
pub use verdict::{CANNOT_PROVE, Compatibility, Refusal, Violation};

use super::inspect;
use crate::error::Result;

/// `Ok(())` only when it is proven that every payload that is valid under the old schema (and, in
/// [`Compatibility::Declared`], uses only members that the old schema declares) is valid under
/// the new one. The outer error is about a schema that could not be registered at all.
pub fn check_minor(old_schema_text: &str, new_schema_text: &str, _mode: Compatibility) -> Result<Result<(), Refusal>> {
    inspect(old_schema_text)?;
    inspect(new_schema_text)?;
    if is_patch_equal(old_schema_text, new_schema_text)? {
        return Ok(Ok(()));
    }
    let violation =
        Violation { path: String::new(), rule: String::new(), reason: format!("{CANNOT_PROVE}: the schemas differ") };
    Ok(Err(Refusal { violations: vec![violation], counterexample: None }))
}

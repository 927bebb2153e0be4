//! Compares a new version with every earlier one that it follows.
//!
//! Each of two steps may be lawful and both together break: a member that the first version declares
//! may be gone in the second, which so forgets its type, and come back in the third with another. So a
//! new version is compared with all earlier ones, and not with the last one only.

use super::{Compatibility, Refusal, Side, budget::Budget, compare, read, reasons};
use crate::{
    document,
    error::Result,
    limits::{CHAIN_STEPS_MAX, CHAIN_VERSIONS_MAX, COMPARISON_STEPS_MAX},
};

/// An earlier version whose payloads the new one may refuse.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Its index among the earlier versions.
    pub earlier: usize,
    /// What is wrong, seen from that version.
    pub refusal: Refusal,
}

/// Proves of each earlier version what [`check_minor`](super::check_minor) proves of one, and stops at
/// the first that has no proof. Versions that differ in descriptions only need not be given twice.
///
/// The proofs share a budget of [`CHAIN_STEPS_MAX`] steps. A version for which none are left is
/// refused, and so is the first one beyond [`CHAIN_VERSIONS_MAX`]: both as not proven.
///
/// # Errors
///
/// Those of [`check_minor`](super::check_minor).
pub fn check_minor_of_all(
    earlier_schema_texts: &[&str],
    new_schema_text: &str,
    mode: Compatibility,
) -> Result<Result<(), Broken>> {
    let new_root = document::parse(new_schema_text)?;
    let new = Side { document: &read(&new_root)?, text: new_schema_text };
    let mut left = CHAIN_STEPS_MAX;
    for (earlier, text) in earlier_schema_texts.iter().enumerate() {
        if earlier == CHAIN_VERSIONS_MAX {
            let refusal = Refusal { violations: vec![reasons::of_a_long_chain()], counterexample: None };
            return Ok(Err(Broken { earlier, refusal }));
        }
        let allowed = left.min(COMPARISON_STEPS_MAX);
        let budget = Budget::new(allowed);
        if let Err(refusal) = compare(text, &new, mode, &budget)? {
            return Ok(Err(Broken { earlier, refusal }));
        }
        left -= allowed - budget.left();
    }
    Ok(Ok(()))
}

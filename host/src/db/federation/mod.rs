//! Federation groups, their members and pushes, and relays to members.
//!
//! Rows belong to the owner of the group, so most functions take the owner. The others take a viewer:
//! an organization that owns the group or is a member of it.

pub mod fan_out;
pub mod group;
pub mod member;
pub mod peer;
pub mod push;
pub mod relay;
pub mod relay_log;

use super::codec;
use crate::{domain::federation::Stamp, error::Result};

/// Reads a stamp that may be absent: both columns are set, or neither is.
fn stamp(by: Option<String>, at: Option<i64>, table: &str, column: &str, row: &str) -> Result<Option<Stamp>> {
    match (by, at) {
        (Some(by), Some(at)) => Ok(Some(Stamp { by, at: codec::time(at) })),
        (None, None) => Ok(None),
        _ => codec::sound(None, table, column, row),
    }
}

//! The claims of a proof.

use super::terms::{AtomId, SchemaId};

/// A statement about a value that is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Claim {
    /// The value is valid under the schema.
    Valid(SchemaId),
    /// The value satisfies the atom.
    Satisfies(AtomId),
}

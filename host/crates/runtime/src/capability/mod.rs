//! What the host does for a component, one file each, without a word of any WIT version: the
//! folders `v0_*` connect a track's functions to these.
//!
//! Every world has context and log; the adapter signs. Nothing else can be reached.

pub(super) mod context;
pub(super) mod log;
pub(super) mod signing;

//! What the host does for a component, one file each, free of any WIT version: the folders `v0_*`
//! connect a track's functions to these.
//!
//! Every world has context and log; the adapter signs. Nothing else can be reached.

pub(crate) mod context;
pub(crate) mod log;
pub(crate) mod signing;

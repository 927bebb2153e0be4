//! Invariants of the code itself.

mod fixtures;
mod runtime;
mod wit;

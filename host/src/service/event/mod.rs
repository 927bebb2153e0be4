//! Events: emitting them, taking those of other applications, and reading both.

pub mod emit;
pub mod emits;
pub mod ingest;
pub mod log;
mod payload;
mod quota;
mod refusal;

pub use refusal::{Refusals, announce_gathered};

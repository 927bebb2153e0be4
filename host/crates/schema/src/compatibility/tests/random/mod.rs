//! Random pairs of schemas, and the hunt for payloads that show an acceptance to be wrong.
//!
//! ```text
//! cargo test -p weir-schema --lib compatibility::tests::random -- --nocapture
//! WEIR_SCHEMA_PAIRS=100000 cargo test --release -p weir-schema --lib no_accepted_pair_breaks -- --nocapture
//! ```

mod chains;
mod dice;
mod draw;
mod grammar;
mod hunt;
mod instances;
mod mutations;
mod pool;
mod run;
pub(super) mod samples;
mod shrink;

pub(super) use dice::Dice;
pub(super) use hunt::hunt;

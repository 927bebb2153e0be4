//! Random pairs of schemas, and the hunt for payloads that show an acceptance to be wrong.
//!
//! ```text
//! cargo test -p weir --lib compatibility::tests::random -- --nocapture
//! WEIR_SCHEMA_PAIRS=100000 cargo test --release -p weir --lib compatibility::tests::random -- --nocapture
//! ```

mod dice;
mod draw;
mod grammar;
mod hunt;
mod instances;
mod mutations;
mod pool;
mod run;
mod samples;
mod shrink;

pub(super) use dice::Dice;
pub(super) use hunt::hunt;

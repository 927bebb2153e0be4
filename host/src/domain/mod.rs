//! Values and rules: pure types and functions, on which everything else in the host stands.
//!
//! Nothing here awaits, reads a clock, draws randomness, or knows SQL, HTTP or wasmtime.

pub mod address;
pub mod canonical;
pub mod component;
pub mod delivery;
pub mod emit;
pub mod explain;
pub mod federation;
pub mod flow;
pub mod headers;
pub mod id;
pub mod lifecycle;
pub mod limits;
pub mod listing;
pub mod name;
pub mod organization;
pub mod plan;
pub mod program;
pub mod receiver;
pub mod registration;
pub mod replay;
pub mod retention;
pub mod retry;
pub mod root_keys;
pub mod schema_caps;
pub mod signature;
pub mod subscription;
pub mod time;
pub mod vault;

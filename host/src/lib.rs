//! Weir, an events host that its tenants extend with WebAssembly components.
//!
//! Modules are listed in the order in which they may depend on each other: a module uses only
//! those above it (`tests/it/rules/layers.rs` holds the exact table).

pub mod error;
pub mod domain;
pub mod clock;
pub mod db;
pub mod runtime;

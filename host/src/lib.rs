//! Weir, an events host that its tenants extend with WebAssembly components.
//!
//! Modules are listed in the order in which they may depend on each other: a module uses only
//! those above it (`tests/it/rules/layers.rs` holds the exact table).

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod domain;
pub mod worker;

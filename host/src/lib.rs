//! Weir, an events host that its tenants extend with WebAssembly components.
//!
//! A module uses only those before it in this order: `error`, `domain`, then `clock`, `sync`, `db` and
//! `runtime`, then `keyring` and `memory`, then `service`, then `http` and `worker`, then `app`, then
//! `cli` (`tests/it/rules/layers.rs` holds the exact table).

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod http;
pub mod keyring;
pub mod memory;
pub mod runtime;
pub mod service;
pub mod sync;
pub mod telemetry;
pub mod worker;

//! Invariants of the code itself.

mod docs;
mod errors;
mod fixtures;
mod layers;
mod limits;
mod migrations;
mod plans;
mod routes;
mod runtime;
mod sources;
mod wit;

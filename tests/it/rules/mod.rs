//! Rules that the sources keep.

mod docs;
mod errors;
mod fixtures;
mod layers;
mod limits;
mod migrations;
mod plans;
mod routes;
mod sources;
mod wit;

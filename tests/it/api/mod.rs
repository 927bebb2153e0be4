//! The API over HTTP, by resource.

mod emit;

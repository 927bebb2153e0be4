//! The integration tests: the host over HTTP as a black box, the runtime with its components, and rules
//! that the sources keep.

mod api;
mod delivery;
mod process;
mod rules;
mod runtime;
mod security;
mod support;

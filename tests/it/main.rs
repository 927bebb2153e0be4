//! The test binary: black box over HTTP, contracts of the parts, and rules of the code.

mod api;
mod delivery;
mod process;
mod rules;
mod runtime;
mod security;
mod support;

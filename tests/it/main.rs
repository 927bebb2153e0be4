//! The test binary: black box over HTTP, contracts of the parts, and rules of the code.

mod api;
mod rules;
mod runtime;
mod support;

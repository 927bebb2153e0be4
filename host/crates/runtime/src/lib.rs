#![doc = include_str!("../README.md")]

// From the top down: `runtime` is the interface; `load`, `code` and `link` make components, `cache`
// and `idle` save doing it again; `instance` makes a call within the bounds of `engine` and
// `limiter`; `v0_1` speaks the WIT track 0.1; `store`, `capability` and `wasi` are what the host
// keeps for a guest and what the guest can reach. No module uses one that uses it.
mod budget;
mod builtin;
mod cache;
mod call;
mod capability;
mod code;
mod component;
mod digest;
mod engine;
mod event;
mod failure;
mod idle;
mod instance;
mod limiter;
pub mod limits;
mod link;
mod load;
mod output;
mod refusal;
mod runtime;
mod store;
mod usage;
mod v0_1;
mod wasi;
mod world;

pub use budget::Budget;
pub use builtin::BuiltIn;
pub use call::{DeliveryCall, RouterCall};
pub use capability::{
    log::{Level, LogLine, Logs},
    signing::{KeyForm, Sign},
};
pub use component::{Component, Origin};
pub use digest::Digest;
pub use event::{Candidate, Destination, Event, Request, Transformed};
pub use failure::{Blame, Failure, FaultKind};
pub use output::Outcome;
pub use refusal::{LoadError, StartError};
pub use runtime::{Runtime, Settings};
pub use usage::Usage;
pub use world::World;

//! The registry: registering, reading and changing custom events.

mod archive;
mod edit;
mod find;
mod generic;
mod history;
mod judge;
mod register;
mod request;

pub use edit::{PatchRequest, patch, remove};
pub use find::{get, list};
pub use judge::Verdict;
pub use register::{dry_run, register};
pub use request::RegisterRequest;

pub(super) use find::not_found;
pub(super) use generic::generic;
pub(super) use history::seeded;
pub(super) use register::register_in_change;
pub(super) use request::check_description;

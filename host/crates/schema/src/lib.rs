#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod canonical;
mod caps;
mod compatibility;
mod document;
mod error;
mod expansion;
mod filter;
mod flavour;
mod keywords;
pub mod limits;
mod names;
mod pattern;
mod pointer;
mod rules;
mod schema;
mod validator;
mod view;

pub use canonical::canonical_hash;
pub use compatibility::{Compatibility, Refusal, Violation, check_minor, is_patch_equal};
pub use error::{Error, PayloadError};
pub use filter::Filter;
pub use flavour::Flavour;
pub use names::repeated_name;
pub use schema::{Schema, inspect};
pub use validator::Validator;

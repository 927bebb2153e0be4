#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod canonical;
mod caps;
mod compatibility;
mod convert;
mod document;
mod error;
mod expansion;
mod filter;
mod flavour;
mod formats;
mod keywords;
pub mod limits;
mod names;
mod number;
mod pattern;
mod pointer;
mod rules;
mod schema;
mod validator;
mod view;

pub use canonical::canonical_hash;
pub use caps::Caps;
pub use compatibility::{Broken, Compatibility, Refusal, Violation, check_minor, check_minor_of_all, is_patch_equal};
pub use convert::{Change, Converted, convert};
pub use error::{Error, PayloadError};
pub use filter::Filter;
pub use flavour::Flavour;
pub use names::repeated_name;
pub use schema::{Schema, inspect, inspect_within};
pub use validator::Validator;

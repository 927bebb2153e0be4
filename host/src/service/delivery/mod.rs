//! Deliveries: listing, explaining, replaying and giving them up, and trying an endpoint out.

pub mod explain;
mod give_up;
mod list;
pub mod replay;
pub mod trial;

pub use give_up::give_up;
pub use list::{Detail, Filter, get, list};

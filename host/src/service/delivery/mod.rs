//! Deliveries: listing, explaining, replaying and giving them up, and trying an endpoint out.

pub mod explain;
mod list;
pub mod replay;
pub mod trial;

pub use list::{DeliveryQuery, Detail, get, list};

//! Deliveries: listing, explaining, trying out and repeating them.

pub mod explain;
mod list;
pub mod replay;
pub mod trial;

pub use list::{Detail, DeliveryQuery, get, list};

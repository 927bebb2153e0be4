//! The marketplace: listings of one organization that others fork.
//!
//! Each change writes what belongs to the caller's organization. The one exception is the count
//! of forks on the publisher's listing, and it is all that a publisher learns of a fork.

mod fork;
mod listing;

pub use fork::{ForkRequest, fork, origin};
pub use listing::{PublishRequest, browse, get, publish, republish, unpublish};

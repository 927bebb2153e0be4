//! The wake-ups between those who write work and the workers who do it.
//!
//! A bell is a hint: workers also look at the table at an interval, so a lost ring costs time and
//! never an event.

use std::sync::Arc;

use tokio::sync::Notify;

/// Every bell of the host, each named after what waits in the table when it rings. Clones share them.
#[derive(Clone, Default)]
pub struct Bells {
    /// Emits that are to be routed.
    pub emits_due: Arc<Notify>,
    /// Emits that are to be relayed to members of groups.
    pub relays_due: Arc<Notify>,
    /// Deliveries that became due outside of routing: by a single replay, or by an endpoint that was enabled.
    pub deliveries_due: Arc<Notify>,
    /// Steps of replays.
    pub replays_due: Arc<Notify>,
    /// Subscriptions that are to get events accepted before their creation.
    pub catch_up_due: Arc<Notify>,
}

//! Bells: they wake workers when there is work for them in the table.
//!
//! A bell is a hint: workers also look at the table at an interval, so a lost ring costs time and
//! never an event.

use std::sync::Arc;

use tokio::sync::Notify;

/// All bells of the host, each named after the rows that wait in the table when it rings. Clones share them.
#[derive(Clone, Default)]
pub struct Bells {
    /// Emits that are to be routed.
    pub emits_due: Arc<Notify>,
    /// Emits that are to be relayed to members of groups.
    pub relays_due: Arc<Notify>,
    /// Deliveries that became due outside of routing: by the replay of a single one, or because an endpoint
    /// was enabled.
    pub deliveries_due: Arc<Notify>,
    /// Replays that may make a step.
    pub replays_due: Arc<Notify>,
    /// Subscriptions that are to get events accepted before their creation.
    pub catch_up_due: Arc<Notify>,
}

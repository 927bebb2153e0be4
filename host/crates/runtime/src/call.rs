//! What a call is told beside the event. It is part of the input: a component that gets the same
//! event and the same call gives the same answer.

use std::sync::Arc;

use crate::budget::Budget;

/// What a router is told of its call.
#[derive(Clone, Debug)]
pub struct RouterCall {
    /// The organization that the call is made for. An instance never serves two organizations.
    pub organization: Arc<str>,
    /// The JSON configuration of the router, `{}` when it has none.
    pub config: Arc<str>,
    /// The bounds of this call; those of the runtime's settings when absent.
    pub budget: Option<Budget>,
}

/// What a transformer or an adapter is told of its call, which is part of one attempt to deliver.
#[derive(Clone, Debug)]
pub struct DeliveryCall {
    /// The organization that the call is made for. An instance never serves two organizations.
    pub organization: Arc<str>,
    /// The JSON configuration of the component for this receiver, `{}` when it has none.
    pub config: Arc<str>,
    /// The subscription that is served; absent when the receiver is none.
    pub subscription_id: Option<Arc<str>>,
    /// The number of the attempt, 1 for the first.
    pub attempt: u32,
    /// When the attempt began, in milliseconds since the Unix epoch.
    pub attempted_at_ms: u64,
    /// The bounds of this call; those of the runtime's settings when absent.
    pub budget: Option<Budget>,
}

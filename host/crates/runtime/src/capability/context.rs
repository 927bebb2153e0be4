//! What a component can ask about its call.

use std::sync::Arc;

use crate::{
    call::{DeliveryCall, RouterCall},
    event::Event,
};

/// The answers to a component's questions about its call, the same in every world.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) config: Arc<str>,
    pub(crate) subscription_id: Option<Arc<str>>,
    pub(crate) attempt: u32,
    pub(crate) attempted_at_ms: u64,
}

impl Context {
    /// A router serves no subscription and makes no attempt: WIT has it see the first one, begun
    /// when the event was accepted.
    pub(crate) fn of_router(call: &RouterCall, event: &Event<'_>) -> Self {
        Self { config: call.config.clone(), subscription_id: None, attempt: 1, attempted_at_ms: event.accepted_at_ms }
    }

    /// The answers to a component that is started and not called.
    pub(crate) fn of_trial() -> Self {
        Self { config: "{}".into(), subscription_id: None, attempt: 1, attempted_at_ms: 0 }
    }

    pub(crate) fn of_delivery(call: &DeliveryCall) -> Self {
        Self {
            config: call.config.clone(),
            subscription_id: call.subscription_id.clone(),
            attempt: call.attempt,
            attempted_at_ms: call.attempted_at_ms,
        }
    }
}

//! What a component may know about its call and its binding.

use std::sync::Arc;

use crate::domain::{
    id::{OrganizationId, SubscriptionId},
    time::Time,
};

/// The circumstances of a call. They are part of the input: the same values give the same answer.
#[derive(Clone, Debug)]
pub struct Call {
    /// On whose behalf.
    pub organization: OrganizationId,
    /// The JSON configuration of the binding, `{}` when it has none.
    pub config: Arc<str>,
    /// The subscription that is served; none in a router.
    pub subscription_id: Option<SubscriptionId>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When this attempt began; in a router, when the event was accepted.
    pub attempted_at: Time,
}

impl Call {
    /// When this attempt began, in milliseconds since the Unix epoch.
    pub(in crate::runtime) fn attempted_at_ms(&self) -> u64 {
        u64::try_from(self.attempted_at.as_millis()).unwrap_or(0)
    }
}

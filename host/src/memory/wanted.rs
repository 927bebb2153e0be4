//! Consequences of an organization's emits beside deliveries: lifecycle events that subscriptions want, and
//! pushes to groups.

use super::{
    Memory,
    view::{OrganizationView, WantedLifecycle},
};
use crate::{
    db,
    domain::{
        id::RegistrationId,
        lifecycle::{
            CUSTOM_EVENT_CHAIN_TRUNCATED, CUSTOM_EVENT_EMIT_DELIVERED, CUSTOM_EVENT_EMIT_DELIVERY_FAILED,
            CUSTOM_EVENT_EMIT_REJECTED, CUSTOM_EVENT_EMIT_RELAYED, CUSTOM_EVENT_EMIT_REQUESTED,
            CUSTOM_EVENT_FEDERATION_RELAY_FAILED, CUSTOM_EVENT_FEDERATION_RELAYED, CUSTOM_EVENT_QUOTA_EXCEEDED,
        },
    },
    error::Result,
};

/// The lifecycle events about emits.
const NAMES: [&str; 9] = [
    CUSTOM_EVENT_EMIT_REQUESTED,
    CUSTOM_EVENT_EMIT_RELAYED,
    CUSTOM_EVENT_EMIT_DELIVERED,
    CUSTOM_EVENT_EMIT_DELIVERY_FAILED,
    CUSTOM_EVENT_EMIT_REJECTED,
    CUSTOM_EVENT_QUOTA_EXCEEDED,
    CUSTOM_EVENT_CHAIN_TRUNCATED,
    CUSTOM_EVENT_FEDERATION_RELAYED,
    CUSTOM_EVENT_FEDERATION_RELAY_FAILED,
];

impl Memory {
    /// The lifecycle events about emits that a subscription wants.
    pub async fn wanted_lifecycle<'view>(&self, view: &'view OrganizationView) -> Result<&'view WantedLifecycle> {
        let read = async || {
            let mut tx = self.db.read().await?;
            let wanted = db::subscription::types_among(&mut tx, &view.organization.id, &NAMES).await?;
            drop(tx);
            let is_wanted = |name: &&str| wanted.iter().any(|wanted| wanted.matches(name));
            Ok(WantedLifecycle(NAMES.into_iter().filter(is_wanted).collect()))
        };
        view.wanted.get_or_try_init(read).await
    }

    /// Whether a registration is pushed to a group.
    pub async fn is_pushed(&self, view: &OrganizationView, registration: &RegistrationId) -> Result<bool> {
        if !view.organization.plan.federation() {
            return Ok(false);
        }
        let read = async || -> Result<_> {
            let mut tx = self.db.read().await?;
            let pushed = db::federation::relay::pushed(&mut tx, &view.organization.id).await?;
            Ok(pushed.into_iter().collect())
        };
        Ok(view.pushed.get_or_try_init(read).await?.contains(registration))
    }
}

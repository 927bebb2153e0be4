//! Components of the host's own, and the lines that components write.

use weir_runtime::Digest;

use super::{
    delivery::Claimed,
    emit::Emit,
    id::{DeliveryId, EmitId, OrganizationId},
    time::Time,
};

/// A line that a component wrote while it handled an event.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// The organization whose event it was.
    pub organization_id: OrganizationId,
    /// The component.
    pub component: Digest,
    /// The event.
    pub emit_id: EmitId,
    /// The delivery, and the number of the attempt; `None` for a router.
    pub attempt: Option<(DeliveryId, u32)>,
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// The line.
    pub message: String,
    /// When the event was handled.
    pub at: Time,
}

impl LogEntry {
    /// A line of a router.
    pub fn of_routing(emit: &Emit, component: Digest, level: &'static str, message: String, at: Time) -> Self {
        Self {
            organization_id: emit.organization_id.clone(),
            component,
            emit_id: emit.id.clone(),
            attempt: None,
            level,
            message,
            at,
        }
    }

    /// A line of a component of a delivery's program.
    pub fn of_delivery(
        claimed: &Claimed,
        attempt: u32,
        component: Digest,
        level: &'static str,
        message: String,
        at: Time,
    ) -> Self {
        Self {
            organization_id: claimed.organization_id.clone(),
            component,
            emit_id: claimed.emit_id.clone(),
            attempt: Some((claimed.id.clone(), attempt)),
            level,
            message,
            at,
        }
    }
}

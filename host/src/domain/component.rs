//! Log lines of components.

use weir_runtime::Digest;

use super::{
    id::{DeliveryId, EmitId, OrganizationId},
    time::Time,
};

/// A line that a component wrote while it handled an event.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// The organization whose event it was.
    pub organization_id: OrganizationId,
    pub component: Digest,
    pub emit_id: EmitId,
    /// The delivery, and the number of the attempt; `None` for a router.
    pub attempt: Option<(DeliveryId, u32)>,
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    pub message: String,
    /// When the event was handled.
    pub at: Time,
}

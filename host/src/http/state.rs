//! The state that layers and handlers share.

use std::sync::Arc;

use super::{bodies::Bodies, rate_limit::RateLimits};
use crate::service::Host;

/// What layers and handlers share.
pub struct ApiState {
    /// What services work with.
    pub host: Arc<Host>,
    /// The operator's token. `None` turns the operator's routes off.
    pub admin_token: Option<String>,
    /// Most connections of callers at once.
    pub connections_max: usize,
    /// Most connections of one address at once.
    pub connections_per_address_max: usize,
    /// Counts requests of organizations.
    pub rate_limits: RateLimits,
    /// The bodies of requests under way.
    pub bodies: Bodies,
}

/// [`ApiState`] as handlers take it.
pub(super) type Shared = axum::extract::State<Arc<ApiState>>;

//! Every route of the host. `rules/routes.rs` compares this list with the router.

/// The callers that a route lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Any caller, also without a key.
    Anybody,
    /// A key that may read events.
    Reader,
    /// A key that may manage events.
    Manager,
    /// A key that may manage webhooks.
    Webhooks,
    /// The operator.
    Operator,
}

/// A method and a path, as the router writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) who: Who,
}

const fn route(method: &'static str, path: &'static str, who: Who) -> Route {
    Route { method, path, who }
}

use Who::{Anybody, Manager, Operator, Reader, Webhooks};

/// All routes of the host.
pub(crate) const ROUTES: &[Route] = &[
    route("GET", "/api/health", Anybody),
    route("POST", "/api/v1/events/custom/emit", Manager),
    route("POST", "/api/v1/events/custom", Manager),
    route("GET", "/api/v1/events/custom", Reader),
    route("POST", "/api/v1/events/custom/dry-run", Reader),
    route("GET", "/api/v1/events/custom/health", Reader),
    route("POST", "/api/v1/events/custom/subscribe", Manager),
    route("GET", "/api/v1/events/custom/{id}", Reader),
    route("PATCH", "/api/v1/events/custom/{id}", Manager),
    route("DELETE", "/api/v1/events/custom/{id}", Manager),
    route("GET", "/api/v1/events/custom/marketplace", Reader),
    route("POST", "/api/v1/events/custom/marketplace/publish", Manager),
    route("GET", "/api/v1/events/custom/marketplace/{id}", Reader),
    route("DELETE", "/api/v1/events/custom/marketplace/{id}", Manager),
    route("POST", "/api/v1/events/custom/marketplace/{id}/republish", Manager),
    route("POST", "/api/v1/events/custom/marketplace/{id}/fork", Manager),
    route("GET", "/api/v1/events/custom/federation/groups", Reader),
    route("POST", "/api/v1/events/custom/federation/groups", Manager),
    route("GET", "/api/v1/events/custom/federation/groups/{id}", Reader),
    route("DELETE", "/api/v1/events/custom/federation/groups/{id}", Manager),
    route("POST", "/api/v1/events/custom/federation/groups/{id}/invite", Manager),
    route("POST", "/api/v1/events/custom/federation/groups/{id}/accept", Manager),
    route("POST", "/api/v1/events/custom/federation/groups/{id}/leave", Manager),
    route("DELETE", "/api/v1/events/custom/federation/groups/{id}/members/{member}", Manager),
    route("POST", "/api/v1/events/custom/federation/groups/{id}/members/{member}/pause", Manager),
    route("POST", "/api/v1/events/custom/federation/groups/{id}/members/{member}/resume", Manager),
    route("POST", "/api/v1/events/custom/federation/groups/{id}/external-peers", Manager),
    route("GET", "/api/v1/events/custom/federation/groups/{id}/pushes", Reader),
    route("POST", "/api/v1/events/custom/federation/groups/{id}/pushes", Manager),
    route("GET", "/api/v1/events/custom/federation/groups/{id}/relays", Reader),
    route("DELETE", "/api/v1/events/custom/federation/pushes/{id}", Manager),
    route("DELETE", "/api/v1/events/custom/federation/external-peers/{id}", Manager),
    route("GET", "/api/v1/event-subscriptions", Reader),
    route("POST", "/api/v1/event-subscriptions", Manager),
    route("GET", "/api/v1/event-subscriptions/{id}", Reader),
    route("PATCH", "/api/v1/event-subscriptions/{id}", Manager),
    route("DELETE", "/api/v1/event-subscriptions/{id}", Manager),
    route("POST", "/api/v1/event-subscriptions/{id}/test", Manager),
    route("POST", "/api/v1/event-subscriptions/{id}/rotate", Manager),
    route("POST", "/api/v1/event-subscriptions/{id}/enable", Manager),
    route("POST", "/api/v1/event-subscriptions/{id}/replay", Manager),
    route("GET", "/api/v1/events/subscriptions", Reader),
    route("POST", "/api/v1/events/subscriptions", Manager),
    route("GET", "/api/v1/events/subscriptions/{id}", Reader),
    route("PATCH", "/api/v1/events/subscriptions/{id}", Manager),
    route("DELETE", "/api/v1/events/subscriptions/{id}", Manager),
    route("POST", "/api/v1/events/subscriptions/{id}/test", Manager),
    route("POST", "/api/v1/events/subscriptions/{id}/rotate", Manager),
    route("POST", "/api/v1/events/subscriptions/{id}/enable", Manager),
    route("POST", "/api/v1/events/subscriptions/{id}/replay", Manager),
    route("GET", "/api/v1/webhooks", Webhooks),
    route("POST", "/api/v1/webhooks", Webhooks),
    route("GET", "/api/v1/webhooks/{id}", Webhooks),
    route("PATCH", "/api/v1/webhooks/{id}", Webhooks),
    route("DELETE", "/api/v1/webhooks/{id}", Webhooks),
    route("POST", "/api/v1/webhooks/{id}/test", Webhooks),
    route("POST", "/api/v1/webhooks/{id}/rotate", Webhooks),
    route("POST", "/api/v1/webhooks/{id}/rotate-secret", Webhooks),
    route("POST", "/api/v1/webhooks/{id}/enable", Webhooks),
    route("GET", "/api/v1/webhooks/{id}/deliveries", Webhooks),
    route("GET", "/api/v1/event-log", Reader),
    route("POST", "/api/v1/events", Manager),
    route("POST", "/api/v1/events/ingest", Manager),
    route("GET", "/api/v1/emits", Reader),
    route("GET", "/api/v1/emits/{id}", Reader),
    route("GET", "/api/v1/emits/{id}/explain", Reader),
    route("GET", "/api/v1/deliveries", Reader),
    route("GET", "/api/v1/deliveries/{id}", Reader),
    route("POST", "/api/v1/deliveries/{id}/replay", Manager),
    route("GET", "/api/v1/dead-letters", Reader),
    route("POST", "/api/v1/dead-letters/replay", Manager),
    route("GET", "/api/admin/v1/organizations", Operator),
    route("POST", "/api/admin/v1/organizations", Operator),
    route("GET", "/api/admin/v1/organizations/{id}", Operator),
    route("PATCH", "/api/admin/v1/organizations/{id}", Operator),
    route("GET", "/api/admin/v1/organizations/{id}/namespaces", Operator),
    route("POST", "/api/admin/v1/organizations/{id}/namespaces", Operator),
    route("DELETE", "/api/admin/v1/organizations/{id}/namespaces/{namespace}", Operator),
    route("GET", "/api/admin/v1/organizations/{id}/keys", Operator),
    route("POST", "/api/admin/v1/organizations/{id}/keys", Operator),
    route("DELETE", "/api/admin/v1/organizations/{id}/keys/{key}", Operator),
    route("POST", "/api/admin/v1/organizations/{id}/keys/{key}/rotate", Operator),
    route("GET", "/api/admin/v1/root-keys", Operator),
    route("POST", "/api/admin/v1/root-keys/rotate", Operator),
    route("GET", "/api/admin/v1/status", Operator),
];

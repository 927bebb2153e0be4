//! The router: every route, by the layers in front of it.

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{delete, get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    caller, delivery, emit, envelope, federation, health, host_header, idempotency, marketplace, organization, reads,
    registry,
    state::ApiState,
    subscription::{self, EventSubscription, Webhook},
};

pub(super) fn router(state: Arc<ApiState>) -> Router {
    Router::new()
        .route("/api/health", get(health::host))
        .merge(emit_routes(&state))
        .merge(organization_routes(&state))
        .merge(federation_routes(&state))
        .merge(operator_routes(&state))
        .fallback(envelope::no_such_route)
        .method_not_allowed_fallback(envelope::no_such_method)
        .layer(middleware::from_fn(host_header::require_host))
        .layer(CatchPanicLayer::custom(envelope::panicked))
        .with_state(state)
}

/// The route of emits, which finds the caller in the cache if possible. It has no layer for
/// idempotency keys: the ledger keeps those of emits.
fn emit_routes(state: &Arc<ApiState>) -> Router<Arc<ApiState>> {
    Router::new()
        .route("/api/v1/events/custom/emit", post(emit::emit))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::require_key_to_emit))
}

/// The other routes for keys of organizations.
fn organization_routes(state: &Arc<ApiState>) -> Router<Arc<ApiState>> {
    Router::new()
        .route("/api/v1/events/custom", post(registry::register).get(registry::list))
        .route("/api/v1/events/custom/dry-run", post(registry::dry_run))
        .route("/api/v1/events/custom/health", get(health::organization))
        .route("/api/v1/events/custom/subscribe", post(subscription::subscribe))
        .route("/api/v1/events/custom/{id}", get(registry::get).patch(registry::patch).delete(registry::remove))
        .route("/api/v1/events/custom/marketplace", get(marketplace::browse))
        .route("/api/v1/events/custom/marketplace/publish", post(marketplace::publish))
        .route("/api/v1/events/custom/marketplace/{id}", get(marketplace::get).delete(marketplace::unpublish))
        .route("/api/v1/events/custom/marketplace/{id}/republish", post(marketplace::republish))
        .route("/api/v1/events/custom/marketplace/{id}/fork", post(marketplace::fork))
        .route(
            "/api/v1/event-subscriptions",
            get(subscription::list::<EventSubscription>).post(subscription::create::<EventSubscription>),
        )
        .route(
            "/api/v1/event-subscriptions/{id}",
            get(subscription::get::<EventSubscription>)
                .patch(subscription::patch::<EventSubscription>)
                .delete(subscription::remove::<EventSubscription>),
        )
        .route("/api/v1/event-subscriptions/{id}/test", post(delivery::trial::test::<EventSubscription>))
        .route("/api/v1/event-subscriptions/{id}/rotate", post(subscription::rotate::<EventSubscription>))
        .route("/api/v1/event-subscriptions/{id}/enable", post(subscription::enable::<EventSubscription>))
        .route("/api/v1/event-subscriptions/{id}/replay", post(delivery::replay::events))
        .route(
            "/api/v1/events/subscriptions",
            get(subscription::list::<EventSubscription>).post(subscription::create::<EventSubscription>),
        )
        .route(
            "/api/v1/events/subscriptions/{id}",
            get(subscription::get::<EventSubscription>)
                .patch(subscription::patch::<EventSubscription>)
                .delete(subscription::remove::<EventSubscription>),
        )
        .route("/api/v1/events/subscriptions/{id}/test", post(delivery::trial::test::<EventSubscription>))
        .route("/api/v1/events/subscriptions/{id}/rotate", post(subscription::rotate::<EventSubscription>))
        .route("/api/v1/events/subscriptions/{id}/enable", post(subscription::enable::<EventSubscription>))
        .route("/api/v1/events/subscriptions/{id}/replay", post(delivery::replay::events))
        .route("/api/v1/webhooks", get(subscription::list::<Webhook>).post(subscription::create::<Webhook>))
        .route(
            "/api/v1/webhooks/{id}",
            get(subscription::get::<Webhook>)
                .patch(subscription::patch::<Webhook>)
                .delete(subscription::remove::<Webhook>),
        )
        .route("/api/v1/webhooks/{id}/test", post(delivery::trial::test::<Webhook>))
        .route("/api/v1/webhooks/{id}/rotate", post(subscription::rotate::<Webhook>))
        .route("/api/v1/webhooks/{id}/rotate-secret", post(subscription::rotate::<Webhook>))
        .route("/api/v1/webhooks/{id}/enable", post(subscription::enable::<Webhook>))
        .route("/api/v1/webhooks/{id}/deliveries", get(delivery::list_of_webhook))
        .route("/api/v1/event-log", get(emit::event_log::list))
        .route("/api/v1/events", post(emit::event_log::ingest))
        .route("/api/v1/events/ingest", post(emit::event_log::ingest))
        .route("/api/v1/emits", get(emit::list))
        .route("/api/v1/emits/{id}", get(emit::get))
        .route("/api/v1/emits/{id}/explain", get(delivery::explain::explain))
        .route("/api/v1/deliveries", get(delivery::list))
        .route("/api/v1/deliveries/{id}", get(delivery::get))
        .route("/api/v1/deliveries/{id}/replay", post(delivery::replay::one))
        .route("/api/v1/dead-letters", get(delivery::list_dead_letters))
        .route("/api/v1/dead-letters/replay", post(delivery::replay::dead_letters))
        .route_layer(middleware::from_fn(reads::to_the_end))
        .route_layer(middleware::from_fn_with_state(state.clone(), idempotency::once))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::require_key))
}

/// The routes of federation. Plans without it are refused before anything else is checked.
fn federation_routes(state: &Arc<ApiState>) -> Router<Arc<ApiState>> {
    Router::new()
        .route("/api/v1/events/custom/federation/groups", get(federation::list_groups).post(federation::create_group))
        .route(
            "/api/v1/events/custom/federation/groups/{id}",
            get(federation::get_group).delete(federation::archive_group),
        )
        .route("/api/v1/events/custom/federation/groups/{id}/invite", post(federation::invite))
        .route("/api/v1/events/custom/federation/groups/{id}/accept", post(federation::accept))
        .route("/api/v1/events/custom/federation/groups/{id}/leave", post(federation::leave))
        .route("/api/v1/events/custom/federation/groups/{id}/members/{member}", delete(federation::remove_member))
        .route("/api/v1/events/custom/federation/groups/{id}/members/{member}/pause", post(federation::pause_member))
        .route("/api/v1/events/custom/federation/groups/{id}/members/{member}/resume", post(federation::resume_member))
        .route("/api/v1/events/custom/federation/groups/{id}/external-peers", post(federation::add_external_peer))
        .route(
            "/api/v1/events/custom/federation/groups/{id}/pushes",
            get(federation::list_pushes).post(federation::declare_push),
        )
        .route("/api/v1/events/custom/federation/groups/{id}/relays", get(federation::list_relays))
        .route("/api/v1/events/custom/federation/pushes/{id}", delete(federation::undeclare_push))
        .route("/api/v1/events/custom/federation/external-peers/{id}", delete(federation::remove_external_peer))
        .route_layer(middleware::from_fn(reads::to_the_end))
        .route_layer(middleware::from_fn_with_state(state.clone(), idempotency::once))
        .route_layer(middleware::from_fn(caller::require_federation))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::require_key))
}

/// The routes for the operator's token.
fn operator_routes(state: &Arc<ApiState>) -> Router<Arc<ApiState>> {
    Router::new()
        .route("/api/admin/v1/organizations", get(organization::list).post(organization::create))
        .route("/api/admin/v1/organizations/{id}", get(organization::get).patch(organization::patch))
        .route(
            "/api/admin/v1/organizations/{id}/namespaces",
            get(organization::list_namespaces).post(organization::grant_namespace),
        )
        .route("/api/admin/v1/organizations/{id}/namespaces/{namespace}", delete(organization::revoke_namespace))
        .route("/api/admin/v1/organizations/{id}/keys", get(organization::list_keys).post(organization::create_key))
        .route("/api/admin/v1/organizations/{id}/keys/{key}", delete(organization::revoke_key))
        .route("/api/admin/v1/organizations/{id}/keys/{key}/rotate", post(organization::rotate_key))
        .route("/api/admin/v1/root-keys", get(organization::root_keys::status))
        .route("/api/admin/v1/root-keys/rotate", post(organization::root_keys::rotate))
        .route("/api/admin/v1/status", get(organization::status))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::require_operator))
}

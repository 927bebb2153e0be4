//! Every route on one screen.

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{delete, get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    State, admin, caller, deliveries, emits, envelope, event_log, events, federation, health, idempotency, marketplace,
    replays, root_keys, subscriptions, webhooks,
};

pub(super) fn router(state: Arc<State>) -> Router {
    // An emit's key may be remembered; every other request looks into the table.
    let emit = Router::new()
        .route("/api/v1/events/custom/emit", post(events::emit))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::emitter));

    let organization = Router::new()
        .route("/api/v1/events/custom", post(events::register).get(events::list))
        .route("/api/v1/events/custom/dry-run", post(events::dry_run))
        .route("/api/v1/events/custom/health", get(health::organization))
        .route("/api/v1/events/custom/subscribe", post(subscriptions::subscribe))
        .route("/api/v1/events/custom/{id}", get(events::get).patch(events::patch).delete(events::remove))
        .route("/api/v1/events/custom/marketplace", get(marketplace::browse))
        .route("/api/v1/events/custom/marketplace/publish", post(marketplace::publish))
        .route("/api/v1/events/custom/marketplace/{id}", get(marketplace::get).delete(marketplace::unpublish))
        .route("/api/v1/events/custom/marketplace/{id}/republish", post(marketplace::republish))
        .route("/api/v1/events/custom/marketplace/{id}/fork", post(marketplace::fork))
        .route("/api/v1/event-subscriptions", get(subscriptions::list).post(subscriptions::create))
        .route(
            "/api/v1/event-subscriptions/{id}",
            get(subscriptions::get).patch(subscriptions::patch).delete(subscriptions::remove),
        )
        .route("/api/v1/event-subscriptions/{id}/test", post(subscriptions::test))
        .route("/api/v1/event-subscriptions/{id}/rotate", post(subscriptions::rotate))
        .route("/api/v1/event-subscriptions/{id}/enable", post(subscriptions::enable))
        .route("/api/v1/event-subscriptions/{id}/replay", post(replays::replay))
        .route("/api/v1/events/subscriptions", get(subscriptions::list).post(subscriptions::create))
        .route(
            "/api/v1/events/subscriptions/{id}",
            get(subscriptions::get).patch(subscriptions::patch).delete(subscriptions::remove),
        )
        .route("/api/v1/events/subscriptions/{id}/test", post(subscriptions::test))
        .route("/api/v1/events/subscriptions/{id}/rotate", post(subscriptions::rotate))
        .route("/api/v1/events/subscriptions/{id}/enable", post(subscriptions::enable))
        .route("/api/v1/events/subscriptions/{id}/replay", post(replays::replay))
        .route("/api/v1/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/api/v1/webhooks/{id}", get(webhooks::get).patch(webhooks::patch).delete(webhooks::remove))
        .route("/api/v1/webhooks/{id}/test", post(webhooks::test))
        .route("/api/v1/webhooks/{id}/rotate", post(webhooks::rotate))
        .route("/api/v1/webhooks/{id}/rotate-secret", post(webhooks::rotate))
        .route("/api/v1/webhooks/{id}/enable", post(webhooks::enable))
        .route("/api/v1/webhooks/{id}/deliveries", get(webhooks::deliveries))
        .route("/api/v1/event-log", get(event_log::list))
        .route("/api/v1/events", post(event_log::ingest))
        .route("/api/v1/events/ingest", post(event_log::ingest))
        .route("/api/v1/emits", get(emits::list))
        .route("/api/v1/emits/{id}", get(emits::get))
        .route("/api/v1/deliveries", get(deliveries::list))
        .route("/api/v1/deliveries/{id}", get(deliveries::get))
        .route("/api/v1/deliveries/{id}/replay", post(deliveries::replay))
        .route("/api/v1/dead-letters", get(deliveries::dead_letters))
        .route("/api/v1/dead-letters/replay", post(deliveries::replay_dead_letters))
        .route_layer(middleware::from_fn_with_state(state.clone(), idempotency::once))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::organization));

    // Nothing here, not even a malformed body, is looked at for a plan without federation.
    let federation = Router::new()
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
        .route_layer(middleware::from_fn_with_state(state.clone(), idempotency::once))
        .route_layer(middleware::from_fn(caller::federated))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::organization));

    let operator = Router::new()
        .route("/api/admin/v1/organizations", get(admin::list).post(admin::create))
        .route("/api/admin/v1/organizations/{id}", get(admin::get).patch(admin::patch))
        .route("/api/admin/v1/organizations/{id}/namespaces", get(admin::namespaces).post(admin::grant_namespace))
        .route("/api/admin/v1/organizations/{id}/namespaces/{namespace}", delete(admin::revoke_namespace))
        .route("/api/admin/v1/organizations/{id}/keys", get(admin::keys).post(admin::create_key))
        .route("/api/admin/v1/organizations/{id}/keys/{key}", delete(admin::revoke_key))
        .route("/api/admin/v1/organizations/{id}/keys/{key}/rotate", post(admin::rotate_key))
        .route("/api/admin/v1/root-keys", get(root_keys::status))
        .route("/api/admin/v1/root-keys/rotate", post(root_keys::rotate))
        .route("/api/admin/v1/status", get(admin::status))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::operator));

    Router::new()
        .route("/api/health", get(health::host))
        .merge(emit)
        .merge(organization)
        .merge(federation)
        .merge(operator)
        .fallback(envelope::no_such_route)
        .method_not_allowed_fallback(envelope::no_such_method)
        .layer(CatchPanicLayer::custom(envelope::panicked))
        .with_state(state)
}

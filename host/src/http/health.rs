//! Health: of the host (contract 5.11), and of an organization's plan (contract 2.7).

use serde_json::{Value, json};

use super::{
    Shared,
    caller::Reader,
    envelope::{Answer, ok},
};
use crate::{db::emit::FailedEmit, service::health};

/// Whether the host answers. Nobody needs a key to ask.
pub(super) async fn host(state: Shared) -> Answer<Value> {
    ok(json!({ "status": "ok", "timestamp": state.host.now() }))
}

pub(super) async fn organization(state: Shared, Reader(caller): Reader) -> Answer<Value> {
    let health = health::health(&state.host, &caller).await?;
    let plan = health.plan;
    let failure = |failure: &FailedEmit| {
        json!({
            "id": failure.id.shown(),
            "canonicalName": failure.event.canonical(&caller.organization_id, failure.version),
            "errorMessage": failure.error_message,
            "createdAt": failure.accepted_at,
        })
    };
    ok(json!({
        "plan": plan.as_str(),
        "registrations": { "used": health.registrations_used, "limit": plan.registrations_max() },
        "emits": { "thisMonth": health.emits_this_month, "monthlyLimit": plan.emits_per_month_max() },
        "capabilities": {
            "canRegister": plan.registrations_max() != Some(0),
            "schemaVersioning": plan.versions(),
            "marketplacePublish": plan.marketplace(),
            "marketplaceFork": plan.marketplace(),
            "federationPush": plan.federation(),
        },
        "recentFailures": health.recent_failures.iter().map(failure).collect::<Vec<_>>(),
    }))
}

//! Announcing that an emit was refused.

use serde_json::json;

use crate::{
    domain::lifecycle::{
        CUSTOM_EVENT_CHAIN_TRUNCATED, CUSTOM_EVENT_EMIT_REJECTED, CUSTOM_EVENT_EMIT_REQUESTED,
        CUSTOM_EVENT_QUOTA_EXCEEDED, Lifecycle,
    },
    error::{Code, Error, Result},
    service::{Caller, Host, announce::announce_alone},
};

/// Announces that an emit of this name and version was refused, as far as a subscription wants that.
/// An error of announcing is logged, and the refusal stays.
pub(super) async fn announce_refusal(host: &Host, caller: &Caller, name: &str, version: Option<&str>, refusal: &Error) {
    if let Err(error) = try_announce(host, caller, name, version, refusal).await {
        tracing::warn!(error = ?error, "the refusal of an emit could not be announced");
    }
}

async fn try_announce(host: &Host, caller: &Caller, name: &str, version: Option<&str>, refusal: &Error) -> Result<()> {
    let outcome = match refusal.code() {
        Code::MonthlyEmitQuotaExceeded => CUSTOM_EVENT_QUOTA_EXCEEDED,
        Code::ChainDepthExceeded => CUSTOM_EVENT_CHAIN_TRUNCATED,
        _ => CUSTOM_EVENT_EMIT_REJECTED,
    };
    let view = host.memory.organization(&caller.organization_id, 0).await?;
    let wanted = host.memory.wanted_lifecycle(&view).await?;
    // There is no emit, and maybe no event of that name: the event repeats what was asked for.
    let data = json!({
        "organizationId": caller.organization_id,
        "emitId": null,
        "canonicalName": null,
        "event": name,
        "version": version,
        "errorCode": refusal.code().as_str(),
        "errorMessage": refusal.message(),
    });
    let names = [CUSTOM_EVENT_EMIT_REQUESTED, outcome].into_iter().filter(|name| wanted.contains(name));
    let events: Vec<_> = names.map(|name| Lifecycle { name, entity: None, data: data.clone() }).collect();
    if events.is_empty() { Ok(()) } else { announce_alone(host, &caller.organization_id, events).await }
}

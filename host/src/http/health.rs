//! Health of the host (contract 5.11), and usage of an organization's plan (contract 2.7).

use serde::Serialize;

use super::{
    caller::Reader,
    envelope::{Answer, ok},
    state::Shared,
};
use crate::{
    db::emit,
    domain::{id::OrganizationId, time::Time},
    service::{Caller, health},
};

#[derive(Serialize)]
pub(super) struct HostHealth {
    status: &'static str,
    timestamp: Time,
}

/// Answers that the host serves. It needs no key.
pub(super) async fn host(state: Shared) -> Answer<HostHealth> {
    ok(HostHealth { status: "ok", timestamp: state.host.now() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrganizationHealth {
    plan: &'static str,
    registrations: Registrations,
    emits: Emits,
    capabilities: Capabilities,
    recent_failures: Vec<FailedEmit>,
}

#[derive(Serialize)]
struct Registrations {
    used: i64,
    /// `None` is unlimited.
    limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Emits {
    /// In the present UTC calendar month.
    this_month: i64,
    /// `None` is unlimited.
    monthly_limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the contract has one flag for each capability")]
struct Capabilities {
    can_register: bool,
    schema_versioning: bool,
    marketplace_publish: bool,
    marketplace_fork: bool,
    federation_push: bool,
}

/// An emit of which a delivery became a dead letter.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailedEmit {
    id: String,
    canonical_name: String,
    /// The error of its newest dead letter.
    error_message: Option<String>,
    /// When the emit was accepted.
    created_at: Time,
}

impl FailedEmit {
    fn of(organization: &OrganizationId, failure: emit::FailedEmit) -> Self {
        Self {
            id: failure.id.shown().to_owned(),
            canonical_name: failure.event.canonical(organization, failure.version),
            error_message: failure.error_message,
            created_at: failure.accepted_at,
        }
    }
}

impl OrganizationHealth {
    fn of(caller: &Caller, health: health::Health) -> Self {
        let plan = health.plan;
        let failed = |failure| FailedEmit::of(&caller.organization_id, failure);
        Self {
            plan: plan.as_str(),
            registrations: Registrations { used: health.registrations_used, limit: plan.registrations_max() },
            emits: Emits { this_month: health.emits_this_month, monthly_limit: plan.emits_per_month_max() },
            capabilities: Capabilities {
                can_register: plan.registrations_max() != Some(0),
                schema_versioning: plan.versions(),
                marketplace_publish: plan.marketplace(),
                marketplace_fork: plan.marketplace(),
                federation_push: plan.federation(),
            },
            recent_failures: health.recent_failures.into_iter().map(failed).collect(),
        }
    }
}

pub(super) async fn organization(state: Shared, Reader(caller): Reader) -> Answer<OrganizationHealth> {
    ok(OrganizationHealth::of(&caller, health::health(&state.host, &caller).await?))
}

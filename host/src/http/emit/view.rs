//! Answers about emits.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    domain::{delivery::Counts, id::OrganizationId, time::Time},
    error::{Error, Result},
    http::envelope::stored_json,
    service::event::{emit::Accepted, emits::EmitView},
};

/// The status of an emit whose deliveries are not written yet.
pub(super) const QUEUED: &str = "queued";
/// The status of an emit whose deliveries are written.
pub(super) const ROUTED: &str = "routed";

/// An emit that was just accepted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Emitted {
    emit_id: String,
    canonical_name: String,
    status: &'static str,
}

impl From<Accepted> for Emitted {
    fn from(emitted: Accepted) -> Self {
        Self { emit_id: emitted.id.to_string(), canonical_name: emitted.event_type, status: QUEUED }
    }
}

/// An emit with its payload, which is shown as it was sent, and the state of its deliveries.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Emit {
    #[serde(rename = "emitId")]
    id: String,
    canonical_name: String,
    namespace: String,
    name: String,
    version: String,
    status: &'static str,
    delivery_status: &'static str,
    idempotency_key: Option<String>,
    chain_depth: u32,
    is_federation_relay: bool,
    /// The organization that emitted it; `None` unless it was relayed.
    source_organization_id: Option<OrganizationId>,
    accepted_at: Time,
    /// When the deliveries were written.
    routed_at: Option<Time>,
    /// Why it could not be routed yet.
    error_message: Option<String>,
    deliveries: DeliveryCounts,
    payload: Box<RawValue>,
}

/// How many deliveries of an emit are in each state.
#[derive(Serialize)]
struct DeliveryCounts {
    pending: i64,
    retrying: i64,
    success: i64,
    failed: i64,
    skipped: i64,
}

impl Emit {
    pub(super) fn of(view: &EmitView) -> Result<Self> {
        let (stored, emit) = (&view.stored, &view.stored.emit);
        let (event, version) =
            emit.subject.custom().ok_or_else(|| Error::internal("only custom events are shown as emits"))?;
        let is_routed = stored.routed_at.is_some();
        Ok(Self {
            id: emit.id.shown().to_owned(),
            canonical_name: emit.event_type(),
            namespace: event.namespace().to_owned(),
            name: event.name().to_owned(),
            version: version.to_string(),
            status: if is_routed { ROUTED } else { QUEUED },
            delivery_status: view.counts.summary(is_routed),
            idempotency_key: emit.idempotency.as_ref().map(|idempotency| idempotency.key.clone()),
            chain_depth: emit.chain_depth,
            is_federation_relay: emit.source.is_some(),
            source_organization_id: emit.source.as_ref().map(|source| source.organization_id.clone()),
            accepted_at: emit.accepted_at,
            routed_at: stored.routed_at,
            error_message: stored.error_message.clone(),
            deliveries: view.counts.into(),
            payload: stored_json(&*emit.payload)?,
        })
    }
}

impl From<Counts> for DeliveryCounts {
    fn from(counts: Counts) -> Self {
        let Counts { pending, retrying, success, failed, skipped } = counts;
        Self { pending, retrying, success, failed, skipped }
    }
}

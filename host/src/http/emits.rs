//! Accepted emits: `/api/v1/emits` (contract 14.2).

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    Shared,
    caller::Reader,
    envelope::{Answer, ok},
    extract::{Params, Query},
};
use crate::{
    db::emit::Filter,
    domain::name::{EventName, Version},
    error::{Error, Result},
    fail,
    service::event::emits::{self, EmitView},
};

/// The word for an emit whose deliveries are not written yet; emitting answers it, too.
const QUEUED: &str = "queued";
/// The word for one whose deliveries are.
const ROUTED: &str = "routed";

/// An emit with its payload as it was sent.
#[derive(Serialize)]
pub(super) struct Detail {
    #[serde(flatten)]
    facts: Value,
    payload: Box<RawValue>,
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct Paged<T> {
    pub(super) items: Vec<T>,
    pub(super) total: i64,
    pub(super) page: u32,
    pub(super) limit: u32,
}

pub(super) async fn list(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Paged<Detail>> {
    let filter = filter(&query)?;
    let page = query.page();
    let (views, total) = emits::list(&state.host, &caller, &filter, page).await?;
    let items = views.iter().map(detail).collect::<Result<_>>()?;
    ok(Paged { items, total, page: page.number, limit: page.limit })
}

fn filter(query: &Query) -> Result<Filter> {
    let routed = match query.get("status") {
        None => None,
        Some(QUEUED) => Some(false),
        Some(ROUTED) => Some(true),
        Some(_) => return Err(fail!(BadRequest, "status has to be {QUEUED} or {ROUTED}")),
    };
    Ok(Filter {
        event: query.get("name").map(EventName::parse).transpose()?,
        version: query.get("version").map(str::parse::<Version>).transpose()?,
        routed,
        from: query.time("from")?,
        to: query.time("to")?,
    })
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<Detail> {
    ok(detail(&emits::get(&state.host, &caller, &id).await?)?)
}

fn detail(view: &EmitView) -> Result<Detail> {
    let (stored, emit, counts) = (&view.stored, &view.stored.emit, view.counts);
    let (event, version) =
        emit.subject.custom().ok_or_else(|| Error::internal("only custom events are shown as emits"))?;
    let facts = json!({
        "emitId": emit.id.shown(),
        "canonicalName": emit.event_type(),
        "namespace": event.namespace(),
        "name": event.name(),
        "version": version.to_string(),
        "status": if stored.routed_at.is_some() { ROUTED } else { QUEUED },
        "deliveryStatus": counts.summary(stored.routed_at.is_some()),
        "idempotencyKey": emit.idempotency.as_ref().map(|idempotency| &idempotency.key),
        "chainDepth": emit.chain_depth,
        "isFederationRelay": emit.source.is_some(),
        "sourceOrganizationId": emit.source.as_ref().map(|source| &source.organization_id),
        "acceptedAt": emit.accepted_at,
        "routedAt": stored.routed_at,
        "errorMessage": stored.error_message,
        "deliveries": {
            "pending": counts.pending,
            "retrying": counts.retrying,
            "success": counts.success,
            "failed": counts.failed,
            "skipped": counts.skipped,
        },
    });
    let payload = RawValue::from_string(emit.payload.to_string()).map_err(Error::internal)?;
    Ok(Detail { facts, payload })
}

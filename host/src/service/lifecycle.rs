//! Saying what happens to an organization's objects: the lifecycle events of the catalog.
//!
//! What happens within a change is recorded in the change's own transaction. What happens to
//! emits, thousands of times a second, is derived: a row is written only when a subscription
//! wants that event. A lifecycle event never leads to another one.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{
    Caller, Host,
    directory::{self, EmitEvents, Entry},
    emit::EmitRequest,
};
use crate::{
    db::{self, Tx, ledger::Attempted},
    domain::{
        delivery::Status,
        emit::{Emit, Entity, Fact, Subject},
        id::{EmitId, OrganizationId},
        lifecycle::{
            CUSTOM_EVENT_CHAIN_TRUNCATED, CUSTOM_EVENT_EMIT_DELIVERED, CUSTOM_EVENT_EMIT_DELIVERY_FAILED,
            CUSTOM_EVENT_EMIT_REJECTED, CUSTOM_EVENT_EMIT_RELAYED, CUSTOM_EVENT_EMIT_REQUESTED,
            CUSTOM_EVENT_QUOTA_EXCEEDED, Lifecycle, entity,
        },
        registration::PLATFORM,
        subscription::Target,
        time::Time,
    },
    error::{Code, Error, Result},
};

/// The random parts of ids, such that those drawn in one millisecond sort as they were drawn.
#[derive(Debug, Default)]
pub struct Sequence(Mutex<Option<(Time, u128)>>);

impl Sequence {
    fn next(&self, now: Time, fresh: u128) -> u128 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let random = match *last {
            Some((at, random)) if at == now => random.wrapping_add(1),
            // The highest bit that counts stays free, so that counting up never runs over.
            _ => (fresh & RANDOM_MASK) >> 1,
        };
        *last = Some((now, random));
        random
    }
}

/// The bits of the random part of an id: the 80 of a ULID.
const RANDOM_MASK: u128 = (1 << 80) - 1;

/// Lifecycle events on their way to the table, in the order in which things happened.
#[derive(Debug, Default)]
pub struct Record {
    events: Vec<Emit>,
}

impl Record {
    /// Adds an event of an organization, as of its revision.
    pub fn add(&mut self, host: &Host, organization: &OrganizationId, revision: i64, now: Time, event: Lifecycle) {
        let random = host.lifecycle_ids.next(now, host.randomness.id());
        let entity = event.entity.map(|(kind, id)| Entity { kind: kind.to_owned(), id });
        self.events.push(Emit {
            id: EmitId::new(now, random),
            organization_id: organization.clone(),
            subject: Subject::Lifecycle(Fact { event_type: event.name.to_owned(), entity }),
            payload: event.data.to_string().into(),
            idempotency: None,
            chain_depth: 0,
            emitted_by: PLATFORM.to_owned(),
            accepted_at: now,
            revision,
            source: None,
        });
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Writes the events; whoever commits rings for routing.
    pub async fn write(&self, tx: &mut Tx) -> Result<()> {
        db::emit::record(tx, &self.events).await
    }

    /// The events, for whoever writes them.
    pub fn into_events(self) -> Vec<Emit> {
        self.events
    }
}

/// Records events of an organization in a transaction of their own: what is said of a change that
/// was refused.
pub async fn record_alone(host: &Host, organization: &OrganizationId, events: Vec<Lifecycle>) -> Result<()> {
    let mut tx = host.db.begin().await?;
    let revision = revision_of(&mut tx, organization).await?;
    let now = host.now();
    let mut record = Record::default();
    for event in events {
        record.add(host, organization, revision, now, event);
    }
    record.write(&mut tx).await?;
    tx.commit().await?;
    host.emits_due.notify_one();
    Ok(())
}

/// The present revision of an organization.
pub(super) async fn revision_of(tx: &mut Tx, organization: &OrganizationId) -> Result<i64> {
    let found = db::organization::find(tx, organization).await?;
    Ok(found.map_or(0, |organization| organization.revision))
}

/// What is said of an emit that was accepted and is being routed.
pub async fn of_routed(host: &Host, entry: &Entry, emit: &Emit, now: Time) -> Result<Vec<Emit>> {
    let mut record = Record::default();
    // A relay was emitted and relayed elsewhere.
    if emit.subject.custom().is_none() || emit.source.is_some() {
        return Ok(Vec::new());
    }
    let wanted = directory::emit_events(host, entry).await?;
    for name in [CUSTOM_EVENT_EMIT_REQUESTED, CUSTOM_EVENT_EMIT_RELAYED] {
        if wanted.contains(name) {
            let event = Lifecycle::about(entity::EMIT, emit.id.as_str(), name, facts(emit).into());
            record.add(host, &entry.organization.id, entry.organization.revision, now, event);
        }
    }
    Ok(record.into_events())
}

/// What is said of an attempt that ended a delivery. It is said to the subscriber's organization.
/// What cannot be found out is left unsaid: the attempt is recorded all the same.
pub async fn of_attempted(host: &Host, emit: &Emit, attempted: &Attempted, target: &Target) -> Vec<Emit> {
    let name = match attempted.status {
        Status::Success => CUSTOM_EVENT_EMIT_DELIVERED,
        Status::Failed => CUSTOM_EVENT_EMIT_DELIVERY_FAILED,
        Status::Pending | Status::Retrying | Status::Skipped => return Vec::new(),
    };
    if emit.subject.custom().is_none() {
        return Vec::new();
    }
    let Ok(Some(entry)) = if_wanted(host, &target.organization_id, emit.revision, name).await else {
        return Vec::new();
    };
    let mut data = facts(emit);
    data.insert("deliveryId".to_owned(), json!(attempted.delivery_id));
    data.insert("subscriptionId".to_owned(), json!(target.receiver));
    data.insert("errorMessage".to_owned(), json!(attempted.error_message));
    let mut record = Record::default();
    let event = Lifecycle::about(entity::EMIT, emit.id.shown(), name, data.into());
    record.add(host, &entry.organization.id, entry.organization.revision, attempted.now, event);
    record.into_events()
}

/// The organization, if anybody there wants the event of this name.
async fn if_wanted(
    host: &Host,
    organization: &OrganizationId,
    revision: i64,
    name: &str,
) -> Result<Option<Arc<Entry>>> {
    let entry = directory::organization(host, organization, revision).await?;
    let is_wanted = directory::emit_events(host, &entry).await?.contains(name);
    Ok(is_wanted.then_some(entry))
}

/// The fields that all events of an emit have (contract 7.4).
fn facts(emit: &Emit) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("organizationId".to_owned(), json!(emit.organization_id));
    facts.insert("emitId".to_owned(), json!(emit.id.shown()));
    facts.insert("canonicalName".to_owned(), json!(emit.event_type()));
    if let Some((event, version)) = emit.subject.custom() {
        facts.insert("namespace".to_owned(), json!(event.namespace()));
        facts.insert("name".to_owned(), json!(event.name()));
        facts.insert("version".to_owned(), json!(version.to_string()));
    }
    facts
}

/// Says that an emit was refused, to those who want to know. Nobody waits for that, and a refusal
/// that cannot be said stays a refusal.
pub(super) async fn record_refusal(host: &Host, caller: &Caller, request: &EmitRequest<'_>, refusal: &Error) {
    let said = async {
        let entry = directory::organization(host, &caller.organization_id, 0).await?;
        let wanted = directory::emit_events(host, &entry).await?;
        let events = refusal_events(caller, request, refusal, wanted);
        if events.is_empty() { Ok(()) } else { record_alone(host, &caller.organization_id, events).await }
    };
    if let Err(error) = said.await {
        tracing::warn!(error = ?error, "the refusal of an emit could not be recorded");
    }
}

fn refusal_events(caller: &Caller, request: &EmitRequest<'_>, refusal: &Error, wanted: &EmitEvents) -> Vec<Lifecycle> {
    let verdict = match refusal.code() {
        // Faults of ours are no judgement of the emit, and it may come again.
        Code::InternalError | Code::Unavailable => return Vec::new(),
        Code::MonthlyEmitQuotaExceeded => CUSTOM_EVENT_QUOTA_EXCEEDED,
        Code::ChainDepthExceeded => CUSTOM_EVENT_CHAIN_TRUNCATED,
        _ => CUSTOM_EVENT_EMIT_REJECTED,
    };
    // There is no emit, and maybe no event of that name: what was asked for is all there is.
    let data = json!({
        "organizationId": caller.organization_id,
        "emitId": null,
        "canonicalName": null,
        "event": request.name,
        "version": request.version,
        "errorCode": refusal.code().as_str(),
        "errorMessage": refusal.message(),
    });
    let names = [CUSTOM_EVENT_EMIT_REQUESTED, verdict].into_iter().filter(|name| wanted.contains(name));
    names.map(|name| Lifecycle { name, entity: None, data: data.clone() }).collect()
}

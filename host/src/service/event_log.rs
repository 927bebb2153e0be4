//! The event log: everything that happened to an organization, and what its other applications
//! have to say (contract 5.2, 5.3).

use std::sync::Arc;

use serde_json::json;

use super::{Caller, Host, Page, access, directory, idempotency};
use crate::{
    db::{
        self,
        event_log::{Derived, EventLogQuery, Line, LoggedType, Origin},
        ledger::{Acceptance, Charge, NewEmit},
    },
    domain::{
        delivery::Status,
        emit::{Emit, Entity, Fact, Subject},
        id::{EmitId, OrganizationId, shown_emit},
        lifecycle::{
            CATALOG, CUSTOM_EVENT_EMIT_DELIVERED, CUSTOM_EVENT_EMIT_DELIVERY_FAILED, CUSTOM_EVENT_EMIT_RELAYED,
            CUSTOM_EVENT_EMIT_REQUESTED, entity,
        },
        limits::{PAYLOAD_BYTES_MAX, TEXT_CHARS_MAX},
        name::{CANONICAL_PREFIX, EventName},
        registration::PLATFORM,
        subscription::EventType,
        time::Time,
    },
    error::Result,
    fail,
};

/// How often an event is offered again because its organization was changed meanwhile.
const OFFERS_MAX: usize = 8;

/// What is asked of the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogRequest<'a> {
    /// Only events of this name.
    pub event_type: Option<&'a str>,
    /// Only events about this kind of thing.
    pub entity_type: Option<&'a str>,
    /// Only events about this one.
    pub entity_id: Option<&'a str>,
    /// Only what this application said.
    pub source_app: Option<&'a str>,
    /// Only events of this time or later.
    pub from: Option<Time>,
    /// Only events of this time or earlier.
    pub to: Option<Time>,
}

/// A page of the log, the newest first, and how many events match. The events of emits and of
/// their deliveries follow from those, and are shown when they are asked for by name.
pub async fn list(host: &Host, caller: &Caller, request: LogRequest<'_>, page: Page) -> Result<(Vec<Line>, i64)> {
    let organization = &caller.organization_id;
    let mut tx = host.db.read().await?;
    if let Some((name, derived)) = request.event_type.and_then(derived_from) {
        if request.entity_type.is_some_and(|kind| kind != entity::EMIT)
            || request.source_app.is_some_and(|app| app != PLATFORM)
        {
            return Ok((Vec::new(), 0));
        }
        let span = (request.from, request.to);
        let (origins, total) =
            db::event_log::origins(&mut tx, organization, derived, span, page.limit, page.offset()).await?;
        let lines = origins.into_iter().map(|origin| derive(organization, name, origin));
        return Ok((lines.collect(), total));
    }
    let event_type = match request.event_type {
        None => None,
        Some(text) if text.starts_with(CANONICAL_PREFIX) => match parse_canonical(organization, text) {
            Some(custom) => Some(custom),
            // A name that no event of this organization has.
            None => return Ok((Vec::new(), 0)),
        },
        Some(text) => Some(LoggedType::Other(text.to_owned())),
    };
    let filter = EventLogQuery {
        event_type,
        entity_type: request.entity_type.map(str::to_owned),
        entity_id: request.entity_id.map(str::to_owned),
        source_app: request.source_app.map(str::to_owned),
        from: request.from,
        to: request.to,
    };
    db::event_log::list(&mut tx, organization, &filter, page.limit, page.offset()).await
}

fn parse_canonical(organization: &OrganizationId, text: &str) -> Option<LoggedType> {
    let own = text.strip_prefix(CANONICAL_PREFIX)?.strip_prefix(organization.as_str())?.strip_prefix(':')?;
    let (event, version) = own.rsplit_once('@')?;
    Some(LoggedType::Custom(EventName::parse(event).ok()?, version.parse().ok()?))
}

fn derived_from(event_type: &str) -> Option<(&'static str, Derived)> {
    let table = [
        (CUSTOM_EVENT_EMIT_REQUESTED, Derived::Accepted),
        (CUSTOM_EVENT_EMIT_RELAYED, Derived::Routed),
        (CUSTOM_EVENT_EMIT_DELIVERED, Derived::Delivery(Status::Success)),
        (CUSTOM_EVENT_EMIT_DELIVERY_FAILED, Derived::Delivery(Status::Failed)),
    ];
    table.into_iter().find(|(name, _)| *name == event_type)
}

fn derive(organization: &OrganizationId, name: &'static str, origin: Origin) -> Line {
    let event = EventName::stored(&origin.namespace, &origin.name);
    let mut data = json!({
        "organizationId": organization,
        "emitId": shown_emit(&origin.emit_id),
        "canonicalName": event.canonical(organization, &origin.version),
        "namespace": event.namespace(),
        "name": event.name(),
        "version": origin.version,
    });
    if let Some(subscription) = origin.subscription_id {
        data["deliveryId"] = origin.id.as_str().into();
        data["subscriptionId"] = subscription.into();
        data["errorMessage"] = origin.error_message.into();
    }
    Line {
        id: shown_emit(&origin.id).to_owned(),
        event_type: name.to_owned(),
        source_app: PLATFORM.to_owned(),
        payload: data.to_string(),
        entity: Some(Entity { kind: entity::EMIT.to_owned(), id: shown_emit(&origin.emit_id).to_owned() }),
        created_at: Time::from_millis(origin.at),
    }
}

/// An event of another application.
#[derive(Clone, Copy, Debug)]
pub struct IngestRequest<'a> {
    /// Its name.
    pub event_type: &'a str,
    /// Its payload, a JSON object.
    pub payload: &'a str,
    /// Kind of what it is about.
    pub entity_type: Option<&'a str>,
    /// Which one.
    pub entity_id: Option<&'a str>,
    /// Who says so; the caller's service when nothing is given.
    pub source_app: Option<&'a str>,
}

/// An event that was taken.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// The event.
    pub id: EmitId,
    /// Who said so.
    pub source_app: String,
    /// Active subscriptions whose event types match, whatever their filters say.
    pub subscriptions: usize,
}

/// Takes an event of another application. When this returns `Ok`, every matching subscription gets
/// it. It counts toward no quota.
pub async fn ingest(host: &Host, caller: &Caller, request: IngestRequest<'_>) -> Result<Ingested> {
    let subject = Subject::Ingested(fact(&request)?);
    check_payload(request.payload)?;
    let source_app = request.source_app.unwrap_or(caller.service());
    check_text("sourceApp", source_app)?;
    let mut caller = caller.clone();
    for _ in 0..OFFERS_MAX {
        let entry = directory::organization(host, &caller.organization_id, 0).await?;
        if entry.organization.revision != caller.revision {
            caller = access::readmit(host, &caller).await?;
        }
        let targets = directory::targets(host, &entry, &subject).await?;
        let now = host.now();
        let emit = Arc::new(Emit {
            id: EmitId::new(now, host.randomness.id()),
            organization_id: caller.organization_id.clone(),
            subject: subject.clone(),
            payload: request.payload.into(),
            idempotency: idempotency::of_ledger(),
            chain_depth: 0,
            emitted_by: source_app.to_owned(),
            accepted_at: now,
            revision: entry.organization.revision,
            source: None,
        });
        let id = emit.id.clone();
        let new = NewEmit { emit, charge: Charge::Free, is_wanted: !targets.is_empty(), is_pushed: false };
        let taken = |id| Ingested { id, source_app: source_app.to_owned(), subscriptions: targets.len() };
        match host.ledger.accept(new).await? {
            Acceptance::Accepted => return Ok(taken(id)),
            // By a host that died before it could keep its answer.
            Acceptance::Duplicate { id, .. } => return Ok(taken(id)),
            Acceptance::Stale => host.directory.forget(&caller.organization_id),
            Acceptance::KeyReused => {
                return Err(fail!(IdempotencyKeyReused, "the idempotency key was used before with another request"));
            }
            Acceptance::OverQuota => return Err(fail!(InternalError, "an ingested event has no quota")),
        }
    }
    Err(fail!(Unavailable, "the organization is being changed too fast; nothing was accepted").retry_after(1))
}

/// Names that only the platform may use would pass for its word.
fn fact(request: &IngestRequest<'_>) -> Result<Fact> {
    let name = request.event_type;
    if let Err(why) = EventType::parse(name) {
        return Err(fail!(BadRequest, "eventType: {why}"));
    }
    if name.contains('*') {
        return Err(fail!(BadRequest, "eventType: an event's name has no wildcard"));
    }
    if name.starts_with(CANONICAL_PREFIX) || CATALOG.contains(&name) {
        return Err(fail!(BadRequest, "eventType: {name} is the platform's to say; emit a registered event instead"));
    }
    let entity = match (request.entity_type, request.entity_id) {
        (Some(kind), Some(id)) => {
            check_text("entityType", kind)?;
            check_text("entityId", id)?;
            Some(Entity { kind: kind.to_owned(), id: id.to_owned() })
        }
        (None, None) => None,
        _ => return Err(fail!(BadRequest, "entityType and entityId come together")),
    };
    Ok(Fact { event_type: name.to_owned(), entity })
}

fn check_payload(text: &str) -> Result<()> {
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(fail!(PayloadTooLarge, "the payload has {} bytes; {PAYLOAD_BYTES_MAX} are allowed", text.len()));
    }
    // What is well-formed JSON and still no value here is too deep, or has a number that no
    // floating-point number comes near: components could not read it.
    let parsed: serde_json::Result<serde_json::Value> = serde_json::from_str(text);
    parsed.map(drop).map_err(|cause| fail!(PayloadInvalid, "the payload cannot be read: {cause}"))
}

fn check_text(member: &str, text: &str) -> Result<()> {
    if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(fail!(BadRequest, "{member} has 1 to {TEXT_CHARS_MAX} characters and no control characters"));
    }
    Ok(())
}

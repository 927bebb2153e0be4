//! Ingesting: taking the events of an organization's other applications (contract 5.2).

use super::payload;
use crate::{
    db::emit::Charge,
    domain::{
        emit::{Entity, Fact, Subject},
        id::EmitId,
        lifecycle::CATALOG,
        limits::TEXT_CHARS_MAX,
        name::CANONICAL_PREFIX,
        subscription::EventType,
    },
    error::Result,
    fail,
    memory::OrganizationView,
    service::{
        Caller, Host,
        accept::{Check, Checked, Draft, accept, check_deliveries},
        idempotency,
    },
};

/// An event of another application.
#[derive(Clone, Copy, Debug)]
pub struct IngestRequest<'a> {
    /// The event's name.
    pub event_type: &'a str,
    /// The payload's JSON text.
    pub payload: &'a str,
    /// The kind of thing that it is about.
    pub entity_type: Option<&'a str>,
    /// The id of the thing that it is about; given with the kind or not at all.
    pub entity_id: Option<&'a str>,
    /// The application that reports it; `None` is the caller's service.
    pub source_app: Option<&'a str>,
}

/// An event of another application that was accepted.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// The event's id.
    pub id: EmitId,
    /// The application that reported it.
    pub source_app: String,
    /// Active subscriptions whose event types match, whatever their filters say.
    pub subscriptions: usize,
}

/// Accepts an event of another application. When this returns `Ok`, every matching subscription gets
/// it. It counts toward no quota.
pub async fn ingest(host: &Host, caller: &Caller, request: IngestRequest<'_>) -> Result<Ingested> {
    let subject = Subject::Ingested(fact(&request)?);
    // Components read it, and receivers.
    payload::read(request.payload)?;
    let source_app = request.source_app.unwrap_or(caller.service());
    check_text("sourceApp", source_app)?;
    let draft = Draft {
        payload: request.payload.into(),
        idempotency: idempotency::ledger_key(),
        chain_depth: 0,
        emitted_by: source_app.to_owned(),
    };
    let mut check = IngestCheck { host, subject, subscriptions: 0 };
    let accepted = accept(host, caller, draft, &mut check).await?;
    Ok(Ingested { id: accepted.id, source_app: source_app.to_owned(), subscriptions: check.subscriptions })
}

/// Finds the subscriptions to an ingested event; nothing of the organization can refuse it.
struct IngestCheck<'a> {
    host: &'a Host,
    subject: Subject,
    /// Active subscriptions whose event types matched at the last check.
    subscriptions: usize,
}

impl Check for IngestCheck<'_> {
    async fn check(&mut self, view: &OrganizationView) -> Result<Checked> {
        self.subscriptions = self.host.memory.endpoints(view, &self.subject).await?.len();
        check_deliveries(self.host, view.organization.plan, self.subscriptions)?;
        let is_wanted = self.subscriptions > 0;
        Ok(Checked { subject: self.subject.clone(), charge: Charge::Free, is_wanted, is_pushed: false })
    }
}

/// What an event is, by its name and what it is about. Names of the platform's own events are refused:
/// subscribers would take the event for one of those.
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

fn check_text(member: &str, text: &str) -> Result<()> {
    if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(fail!(BadRequest, "{member} has 1 to {TEXT_CHARS_MAX} characters and no control characters"));
    }
    Ok(())
}

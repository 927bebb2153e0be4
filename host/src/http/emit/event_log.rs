//! The event log of an organization, `/api/v1/event-log`, and the intake of events from its other
//! applications, `/api/v1/events` and `/api/v1/events/ingest` (contract 5.2, 5.3).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    db::event_log::Line,
    domain::{id::EmitId, time::Time},
    error::{Code, Error, Result},
    http::{
        caller::{Manager, Reader},
        envelope::{Answer, Paged, accepted, ok, stored_json},
        extract::{Body, Query, object, required},
        state::Shared,
    },
    service::event::{
        ingest::{self, IngestRequest},
        log::{self, LogRequest as EventLogQuery},
    },
};

/// An event of the log. Its payload is shown as it was sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct LoggedEvent {
    id: String,
    event_type: String,
    source_app: String,
    payload: Box<RawValue>,
    created_at: Time,
    entity_type: Option<String>,
    entity_id: Option<String>,
}

impl TryFrom<Line> for LoggedEvent {
    type Error = Error;

    fn try_from(line: Line) -> Result<Self> {
        let (entity_type, entity_id) = line.entity.map(|entity| (entity.kind, entity.id)).unzip();
        Ok(Self {
            id: line.id,
            event_type: line.event_type,
            source_app: line.source_app,
            payload: stored_json(line.payload)?,
            created_at: line.created_at,
            entity_type,
            entity_id,
        })
    }
}

pub(in crate::http) async fn list(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Paged<LoggedEvent>> {
    let page = query.page();
    let query = EventLogQuery {
        event_type: query.get("eventType"),
        entity_type: query.get("entityType"),
        entity_id: query.get("entityId"),
        source_app: query.get("sourceApp"),
        from: query.time("from")?,
        to: query.time("to")?,
    };
    let (lines, total) = log::list(&state.host, &caller, query, &page).await?;
    ok(Paged::of(lines, total, &page, |line| line.key.clone(), LoggedEvent::try_from)?)
}

/// An event of another application. The empty text counts as not sent in all but its type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ingest<'a> {
    #[serde(borrow, alias = "event_type")]
    event_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, alias = "entity_type")]
    entity_type: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "entity_id")]
    entity_id: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "source_app")]
    source_app: Option<Cow<'a, str>>,
}

impl Ingest<'_> {
    fn request(&self) -> Result<IngestRequest<'_>> {
        Ok(IngestRequest {
            event_type: required(self.event_type.as_deref(), "eventType", Code::BadRequest)?,
            payload: object(self.payload, "payload", Code::BadRequest)?,
            entity_type: non_empty(self.entity_type.as_deref()),
            entity_id: non_empty(self.entity_id.as_deref()),
            source_app: non_empty(self.source_app.as_deref()),
        })
    }
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// An event that was taken. Triggers belong to workflows, which do not exist yet: none is evaluated.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Ingested {
    event_id: EmitId,
    event_type: String,
    source_app: String,
    subscriptions_notified: usize,
    triggers_evaluated: u32,
    triggers_matched: u32,
    triggers_executed: u32,
    results: [(); 0],
}

impl Ingested {
    fn of(event_type: &str, ingested: ingest::Ingested) -> Self {
        Self {
            event_id: ingested.id,
            event_type: event_type.to_owned(),
            source_app: ingested.source_app,
            subscriptions_notified: ingested.subscriptions,
            triggers_evaluated: 0,
            triggers_matched: 0,
            triggers_executed: 0,
            results: [],
        }
    }
}

pub(in crate::http) async fn ingest(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Ingested> {
    let body: Ingest<'_> = body.json(Code::BadRequest)?;
    let request = body.request()?;
    let ingested = ingest::ingest(&state.host, &caller, request).await?;
    accepted(Ingested::of(request.event_type, ingested))
}

//! The event log and what other applications say: `/api/v1/event-log`, `/api/v1/events` and
//! `/api/v1/events/ingest` (contract 5.2, 5.3).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::{
    Shared,
    caller::{Manager, Reader},
    emits::Paged,
    envelope::{Answer, accepted, ok},
    extract::{Body, Query, object, required},
};
use crate::{
    db::event_log::Line,
    error::{Code, Error, Result},
    service::event::{
        ingest::{self, IngestRequest},
        log::{self, LogRequest},
    },
};

/// A line with its payload as it was sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    id: String,
    event_type: String,
    source_app: String,
    payload: Box<RawValue>,
    created_at: String,
    entity_type: Option<String>,
    entity_id: Option<String>,
}

impl Shown {
    fn of(line: Line) -> Result<Self> {
        let (entity_type, entity_id) = line.entity.map(|entity| (entity.kind, entity.id)).unzip();
        Ok(Self {
            id: line.id,
            event_type: line.event_type,
            source_app: line.source_app,
            payload: RawValue::from_string(line.payload).map_err(Error::internal)?,
            created_at: line.created_at.to_string(),
            entity_type,
            entity_id,
        })
    }
}

pub(super) async fn list(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Paged<Shown>> {
    let request = LogRequest {
        event_type: query.get("eventType"),
        entity_type: query.get("entityType"),
        entity_id: query.get("entityId"),
        source_app: query.get("sourceApp"),
        from: query.time("from")?,
        to: query.time("to")?,
    };
    let page = query.page();
    let (lines, total) = log::list(&state.host, &caller, request, page).await?;
    let items = lines.into_iter().map(Shown::of).collect::<Result<_>>()?;
    ok(Paged { items, total, page: page.number, limit: page.limit })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IngestBody<'a> {
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

/// Workflows do not exist yet, so no trigger is ever evaluated: the counts are what there is.
pub(super) async fn ingest(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Value> {
    let body: IngestBody<'_> = body.json(Code::BadRequest)?;
    let event_type = required(body.event_type, "eventType", Code::BadRequest)?;
    let some = |text: &Option<Cow<'_, str>>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    let (entity_type, entity_id, source_app) = (some(&body.entity_type), some(&body.entity_id), some(&body.source_app));
    let request = IngestRequest {
        event_type: &event_type,
        payload: object(body.payload, "payload", Code::BadRequest)?,
        entity_type: entity_type.as_deref(),
        entity_id: entity_id.as_deref(),
        source_app: source_app.as_deref(),
    };
    let ingested = ingest::ingest(&state.host, &caller, request).await?;
    accepted(json!({
        "eventId": ingested.id,
        "eventType": event_type,
        "sourceApp": ingested.source_app,
        "subscriptionsNotified": ingested.subscriptions,
        "triggersEvaluated": 0,
        "triggersMatched": 0,
        "triggersExecuted": 0,
        "results": [],
    }))
}

//! The event log: everything that happened to an organization (contract 5.2, 5.3).

use serde_json::json;

use crate::{
    db::{
        self,
        event_log::{Derived, EventLogQuery, Line, LoggedType, Origin},
    },
    domain::{
        delivery::Status,
        emit::Entity,
        id::{OrganizationId, shown_emit},
        lifecycle::{
            CUSTOM_EVENT_EMIT_DELIVERED, CUSTOM_EVENT_EMIT_DELIVERY_FAILED, CUSTOM_EVENT_EMIT_RELAYED,
            CUSTOM_EVENT_EMIT_REQUESTED, entity,
        },
        name::{CANONICAL_PREFIX, EventName},
        registration::PLATFORM,
        time::Time,
    },
    error::Result,
    service::{Caller, Host, Page},
};

/// Which events of the log are asked for; a field that is `None` admits all.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogRequest<'a> {
    /// The name of the events.
    pub event_type: Option<&'a str>,
    /// The kind of thing that the events are about.
    pub entity_type: Option<&'a str>,
    /// The id of the thing that the events are about.
    pub entity_id: Option<&'a str>,
    /// The application that reported the events.
    pub source_app: Option<&'a str>,
    /// The earliest time of the events.
    pub from: Option<Time>,
    /// The latest time of the events.
    pub to: Option<Time>,
}

/// A page of the log, the newest first, and how many events match. Events about emits and deliveries
/// are derived from those rows, and are listed only when they are asked for by name.
pub async fn list(host: &Host, caller: &Caller, request: LogRequest<'_>, page: &Page) -> Result<(Vec<Line>, i64)> {
    let organization = &caller.organization_id;
    let mut tx = host.read(&caller.organization_id).await?;
    if let Some((name, derived)) = request.event_type.and_then(derived_from) {
        if request.entity_type.is_some_and(|kind| kind != entity::EMIT)
            || request.source_app.is_some_and(|app| app != PLATFORM)
        {
            return Ok((Vec::new(), 0));
        }
        let span = (request.from, request.to);
        let (origins, total) = db::event_log::origins(&mut tx, organization, derived, span, page.part()).await?;
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
    db::event_log::list(&mut tx, organization, &filter, page.part()).await
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
        key: origin.id,
    }
}

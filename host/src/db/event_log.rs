//! The event log: every event of an organization, custom, lifecycle and ingested (contract 5.2).

use sqlx::FromRow;

use super::{
    Tx, codec,
    emit::{payload, stored_event_type},
    page::{Part, paged},
};
use crate::{
    domain::{
        delivery::Status,
        emit::Entity,
        id::{OrganizationId, shown_emit},
        name::{EventName, Version},
        time::Time,
    },
    error::Result,
};

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// The emit's id; of a line that follows from a delivery, the delivery's.
    pub id: String,
    /// The event's name, as subscriptions match it.
    pub event_type: String,
    /// The application that emitted the event; for lifecycle events the platform.
    pub source_app: String,
    /// The payload, a JSON object.
    pub payload: String,
    /// The object that the event is about; `None` for custom events.
    pub entity: Option<Entity>,
    /// When the event was accepted; of a line that follows from a delivery, when that changed.
    pub created_at: Time,
    /// The key of its row, which the list is in the order of.
    pub key: String,
}

/// Which events a list has; what is `None` narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct EventLogQuery {
    /// Only events of this name.
    pub event_type: Option<LoggedType>,
    /// Only events about objects of this kind.
    pub entity_type: Option<String>,
    /// Only events about the object with this id.
    pub entity_id: Option<String>,
    /// Only events that this application emitted.
    pub source_app: Option<String>,
    /// Only events accepted at or after this time.
    pub from: Option<Time>,
    /// Only events accepted at or before this time.
    pub to: Option<Time>,
}

/// A name of events, taken apart as the table `emit` has it.
#[derive(Clone, Debug)]
pub enum LoggedType {
    /// A custom event in one version.
    Custom(EventName, Version),
    /// The type of a lifecycle event or of an ingested one.
    Other(String),
}

impl LoggedType {
    /// The columns namespace, name and version.
    fn columns(&self) -> (&str, &str, String) {
        match self {
            Self::Custom(event, version) => (event.namespace(), event.name(), version.to_string()),
            Self::Other(name) => ("", name, String::new()),
        }
    }
}

#[derive(FromRow)]
struct LineRow {
    id: String,
    namespace: String,
    name: String,
    version: String,
    emitted_by: String,
    payload: String,
    entity_type: Option<String>,
    entity_id: Option<String>,
    accepted_at: i64,
}

/// A page of the organization's events, the newest first, and how many match; served by
/// `emit_organization`.
pub async fn list(
    tx: &mut Tx,
    organization: &OrganizationId,
    query: &EventLogQuery,
    part: Part<'_>,
) -> Result<(Vec<Line>, i64)> {
    let names = query.event_type.as_ref().map(LoggedType::columns);
    let (rows, total): (Vec<LineRow>, i64) = paged!(
        tx,
        select: concat!(
            "id, namespace, name, version, emitted_by, ",
            payload!(),
            ", entity_type, entity_id, accepted_at"
        ),
        from: "emit",
        where: "organization_id = $1
            and (cast($2 as text) is null or namespace = $2)
            and (cast($3 as text) is null or name = $3)
            and (cast($4 as text) is null or version = $4)
            and (cast($5 as text) is null or entity_type = $5)
            and (cast($6 as text) is null or entity_id = $6)
            and (cast($7 as text) is null or emitted_by = $7)
            and (cast($8 as bigint) is null or accepted_at >= $8)
            and (cast($9 as bigint) is null or accepted_at <= $9)",
        newest: "id",
        bind: [
            organization.as_str(),
            names.as_ref().map(|(namespace, ..)| *namespace),
            names.as_ref().map(|(_, name, _)| *name),
            names.as_ref().map(|(.., version)| version.as_str()),
            query.entity_type.as_deref(),
            query.entity_id.as_deref(),
            query.source_app.as_deref(),
            codec::millis(query.from),
            codec::millis(query.to),
        ],
        page: part,
    );
    let line = |row: LineRow| Line {
        event_type: stored_event_type(organization, &row.namespace, &row.name, &row.version),
        id: shown_emit(&row.id).to_owned(),
        source_app: row.emitted_by,
        payload: row.payload,
        entity: row.entity_type.zip(row.entity_id).map(|(kind, id)| Entity { kind, id }),
        created_at: codec::time(row.accepted_at),
        key: row.id,
    };
    Ok((rows.into_iter().map(line).collect(), total))
}

/// A custom emit, or a delivery of one, from which a lifecycle event follows.
#[derive(Clone, Debug, FromRow)]
pub struct Origin {
    /// The emit's id, or the delivery's.
    pub id: String,
    /// The emit's id.
    pub emit_id: String,
    /// The namespace of the emit's event.
    pub namespace: String,
    /// The name of the emit's event.
    pub name: String,
    /// The version of the emit's event.
    pub version: String,
    /// The delivery's receiver; `None` when the lifecycle event follows from the emit.
    pub subscription_id: Option<String>,
    /// The reason of the last failed attempt; `None` also when there was none.
    pub error_message: Option<String>,
    /// When the lifecycle event happened, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// The rows from which a lifecycle event is derived when the log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// Each emit.
    Accepted,
    /// Each emit whose deliveries are written.
    Routed,
    /// Each delivery in this state.
    Delivery(Status),
}

/// A page of the rows from which a lifecycle event is derived, the newest first, and how many there
/// are. Served by `emit_organization` and `delivery_organization`.
pub async fn origins(
    tx: &mut Tx,
    organization: &OrganizationId,
    derived: Derived,
    span: (Option<Time>, Option<Time>),
    part: Part<'_>,
) -> Result<(Vec<Origin>, i64)> {
    let (from, to) = (codec::millis(span.0), codec::millis(span.1));
    macro_rules! emits {
        ($at:literal) => {
            paged!(
                tx,
                select: concat!(
                    "id, id as emit_id, namespace, name, version, cast(null as text) as subscription_id,
                     cast(null as text) as error_message, ", $at, " as at"
                ),
                from: "emit",
                where: concat!(
                    "organization_id = $1
                     and kind = 'custom'
                     and ", $at, " is not null
                     and (cast($2 as bigint) is null or ", $at, " >= $2)
                     and (cast($3 as bigint) is null or ", $at, " <= $3)"
                ),
                newest: "id",
                bind: [organization.as_str(), from, to],
                page: part,
            )
        };
    }
    Ok(match derived {
        Derived::Accepted => emits!("accepted_at"),
        Derived::Routed => emits!("routed_at"),
        Derived::Delivery(status) => paged!(
            tx,
            select: "delivery.id, emit_id, emit.namespace, emit.name, emit.version, receiver_id as subscription_id,
                     delivery.error_message, delivery.updated_at as at",
            from: "delivery join emit on emit.id = delivery.emit_id",
            where: "delivery.organization_id = $1
                and emit.kind = 'custom'
                and delivery.push_id is null
                and (cast($2 as bigint) is null or delivery.updated_at >= $2)
                and (cast($3 as bigint) is null or delivery.updated_at <= $3)
                and delivery.status = $4",
            newest: "delivery.id",
            bind: [organization.as_str(), from, to, status.as_str()],
            page: part,
        ),
    })
}

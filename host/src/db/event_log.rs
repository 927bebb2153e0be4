//! The event log: every event of an organization, whatever it is (contract 5.2).

use sqlx::FromRow;

use super::{Tx, codec, emit::stored_event_type, on_db};
use crate::{
    domain::{
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
    /// The event's id; of an event that is derived from a delivery, the delivery's.
    pub id: String,
    /// What happened.
    pub event_type: String,
    /// Who said so.
    pub source_app: String,
    /// The payload, a JSON object.
    pub payload: String,
    /// What it is about.
    pub entity: Option<Entity>,
    /// When.
    pub created_at: Time,
}

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only events of this name.
    pub event_type: Option<TypeFilter>,
    /// Only events about this kind of thing.
    pub entity_type: Option<String>,
    /// Only events about this one.
    pub entity_id: Option<String>,
    /// Only what this application said.
    pub source_app: Option<String>,
    /// Only events of this time or later.
    pub from: Option<Time>,
    /// Only events of this time or earlier.
    pub to: Option<Time>,
}

/// A name of events as the table has it.
#[derive(Clone, Debug)]
pub enum TypeFilter {
    /// A custom event in one version.
    Custom(EventName, Version),
    /// An event that nobody registered.
    Other(String),
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

/// Binds the filter's nine parameters in the order in which both statements number them.
macro_rules! filtered {
    ($query:expr, $organization:expr, $filter:expr, $names:expr) => {
        $query
            .bind($organization.as_str())
            .bind($names.as_ref().map(|names| names.0.clone()))
            .bind($names.as_ref().map(|names| names.1.clone()))
            .bind($names.as_ref().map(|names| names.2.clone()))
            .bind(&$filter.entity_type)
            .bind(&$filter.entity_id)
            .bind(&$filter.source_app)
            .bind(codec::millis($filter.from))
            .bind(codec::millis($filter.to))
    };
}

/// A page of the organization's events, the newest first, and how many match; served by
/// `emit_organization`.
pub async fn list(
    tx: &mut Tx,
    organization: &OrganizationId,
    filter: &Filter,
    limit: u32,
    offset: i64,
) -> Result<(Vec<Line>, i64)> {
    const ROWS: &str = "
        select id, namespace, name, version, emitted_by, payload, entity_type, entity_id, accepted_at
          from emit
         where organization_id = $1
           and (cast($2 as text) is null or namespace = $2)
           and (cast($3 as text) is null or name = $3)
           and (cast($4 as text) is null or version = $4)
           and (cast($5 as text) is null or entity_type = $5)
           and (cast($6 as text) is null or entity_id = $6)
           and (cast($7 as text) is null or emitted_by = $7)
           and (cast($8 as bigint) is null or accepted_at >= $8)
           and (cast($9 as bigint) is null or accepted_at <= $9)
         order by id desc
         limit $10 offset $11";
    const TOTAL: &str = "
        select count(*)
          from emit
         where organization_id = $1
           and (cast($2 as text) is null or namespace = $2)
           and (cast($3 as text) is null or name = $3)
           and (cast($4 as text) is null or version = $4)
           and (cast($5 as text) is null or entity_type = $5)
           and (cast($6 as text) is null or entity_id = $6)
           and (cast($7 as text) is null or emitted_by = $7)
           and (cast($8 as bigint) is null or accepted_at >= $8)
           and (cast($9 as bigint) is null or accepted_at <= $9)";
    let names = filter.event_type.as_ref().map(|name| match name {
        TypeFilter::Custom(event, version) => {
            (event.namespace().to_owned(), event.name().to_owned(), version.to_string())
        }
        TypeFilter::Other(name) => (String::new(), name.clone(), String::new()),
    });
    let rows: Vec<LineRow> = on_db!(&mut *tx, |conn| filtered!(sqlx::query_as(ROWS), organization, filter, names)
        .bind(i64::from(limit))
        .bind(offset)
        .fetch_all(conn)
        .await)?;
    let total: i64 =
        on_db!(tx, |conn| filtered!(sqlx::query_scalar(TOTAL), organization, filter, names).fetch_one(conn).await)?;
    let line = |row: LineRow| Line {
        event_type: stored_event_type(organization, &row.namespace, &row.name, &row.version),
        id: shown_emit(&row.id).to_owned(),
        source_app: row.emitted_by,
        payload: row.payload,
        entity: row.entity_type.zip(row.entity_id).map(|(kind, id)| Entity { kind, id }),
        created_at: codec::time(row.accepted_at),
    };
    Ok((rows.into_iter().map(line).collect(), total))
}

/// A custom emit, or a delivery of one, from which an event of the catalog follows.
#[derive(Clone, Debug, FromRow)]
pub struct Origin {
    /// The emit's id, or the delivery's.
    pub id: String,
    /// The emit.
    pub emit_id: String,
    /// What it is.
    pub namespace: String,
    /// What it is.
    pub name: String,
    /// What it is.
    pub version: String,
    /// The subscription, when it follows from a delivery.
    pub subscription_id: Option<String>,
    /// Why the delivery failed.
    pub error_message: Option<String>,
    /// When.
    pub at: i64,
}

/// From what an event of the catalog is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// Each emit.
    Accepted,
    /// Each emit whose deliveries are written.
    Routed,
    /// Each delivery in this state.
    Delivery(&'static str),
}

/// A page of what an event of the catalog follows from, the newest first, and how many there are.
pub async fn origins(
    tx: &mut Tx,
    organization: &OrganizationId,
    derived: Derived,
    (from, to): (Option<Time>, Option<Time>),
    limit: u32,
    offset: i64,
) -> Result<(Vec<Origin>, i64)> {
    const EMITS: &str = "
        select id, id as emit_id, namespace, name, version, cast(null as text) as subscription_id,
               cast(null as text) as error_message,
               case when $2 then routed_at else accepted_at end as at
          from emit
         where organization_id = $1
           and kind = 'custom'
           and (not $2 or routed_at is not null)
           and (cast($3 as bigint) is null or case when $2 then routed_at else accepted_at end >= $3)
           and (cast($4 as bigint) is null or case when $2 then routed_at else accepted_at end <= $4)
         order by id desc
         limit $5 offset $6";
    const EMITS_TOTAL: &str = "
        select count(*)
          from emit
         where organization_id = $1
           and kind = 'custom'
           and (not $2 or routed_at is not null)
           and (cast($3 as bigint) is null or case when $2 then routed_at else accepted_at end >= $3)
           and (cast($4 as bigint) is null or case when $2 then routed_at else accepted_at end <= $4)";
    const DELIVERIES: &str = "
        select delivery.id, emit_id, emit.namespace, emit.name, emit.version, receiver_id as subscription_id,
               delivery.error_message, delivery.updated_at as at
          from delivery
          join emit on emit.id = delivery.emit_id
         where delivery.organization_id = $1
           and emit.kind = 'custom'
           and delivery.push_id is null
           and delivery.status = $2
           and (cast($3 as bigint) is null or delivery.updated_at >= $3)
           and (cast($4 as bigint) is null or delivery.updated_at <= $4)
         order by delivery.id desc
         limit $5 offset $6";
    const DELIVERIES_TOTAL: &str = "
        select count(*)
          from delivery
          join emit on emit.id = delivery.emit_id
         where delivery.organization_id = $1
           and emit.kind = 'custom'
           and delivery.push_id is null
           and delivery.status = $2
           and (cast($3 as bigint) is null or delivery.updated_at >= $3)
           and (cast($4 as bigint) is null or delivery.updated_at <= $4)";
    macro_rules! page {
        ($rows:expr, $total:expr, $what:expr) => {{
            let rows: Vec<Origin> = on_db!(&mut *tx, |conn| sqlx::query_as($rows)
                .bind(organization.as_str())
                .bind($what)
                .bind(codec::millis(from))
                .bind(codec::millis(to))
                .bind(i64::from(limit))
                .bind(offset)
                .fetch_all(conn)
                .await)?;
            let total: i64 = on_db!(tx, |conn| sqlx::query_scalar($total)
                .bind(organization.as_str())
                .bind($what)
                .bind(codec::millis(from))
                .bind(codec::millis(to))
                .fetch_one(conn)
                .await)?;
            Ok((rows, total))
        }};
    }
    match derived {
        Derived::Accepted => page!(EMITS, EMITS_TOTAL, false),
        Derived::Routed => page!(EMITS, EMITS_TOTAL, true),
        Derived::Delivery(status) => page!(DELIVERIES, DELIVERIES_TOTAL, status),
    }
}

//! Deliveries and their attempts as the API shows them.

use sqlx::FromRow;

use crate::{
    db::{
        Dialects, Tx, codec,
        emit::stored_event_type,
        on_db, over_rows,
        page::{Part, paged},
    },
    domain::{
        delivery::{Attempt, AttemptFailure, Delivery, Status},
        id::{DeliveryId, EmitId, OrganizationId, ProgramId, PushId},
        receiver::ReceiverId,
        time::Time,
    },
    error::{Error, Result},
};

/// A delivery together with its emit's name and its receiver's endpoint.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    pub delivery: Delivery,
    /// The event type of the emit, which subscriptions match.
    pub canonical_name: String,
    /// The URL of the receiver's endpoint; `None` when the receiver is deleted.
    pub webhook_url: Option<String>,
}

/// The columns of [`ViewRow`].
macro_rules! columns {
    () => {
        "delivery.id, delivery.organization_id, emit_id, receiver_id, delivery.push_id, delivery.program_id,
         delivery.status, delivery.error_message, is_claimed, delivery.due_at, delivery.created_at, delivery.updated_at,
         emit.namespace, emit.name, emit.version,
         coalesce(subscription.webhook_url, federation_member.webhook_url) as webhook_url"
    };
}

/// The joins for the columns of `columns!` that are not in `delivery`.
macro_rules! joins {
    () => {
        "join emit on emit.id = delivery.emit_id
         left join subscription on subscription.id = delivery.receiver_id
         left join federation_member on federation_member.id = delivery.receiver_id"
    };
}

#[derive(FromRow)]
struct ViewRow {
    #[sqlx(flatten)]
    delivery: DeliveryRow,
    namespace: String,
    name: String,
    version: String,
    webhook_url: Option<String>,
}

impl TryFrom<ViewRow> for DeliveryView {
    type Error = Error;

    fn try_from(row: ViewRow) -> Result<Self> {
        let delivery = Delivery::try_from(row.delivery)?;
        Ok(Self {
            canonical_name: stored_event_type(&delivery.organization_id, &row.namespace, &row.name, &row.version),
            webhook_url: row.webhook_url,
            delivery,
        })
    }
}

#[derive(FromRow)]
struct DeliveryRow {
    id: String,
    organization_id: String,
    emit_id: String,
    receiver_id: String,
    push_id: Option<String>,
    program_id: String,
    status: String,
    error_message: Option<String>,
    is_claimed: bool,
    due_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = Error;

    fn try_from(row: DeliveryRow) -> Result<Self> {
        Ok(Self {
            status: codec::sound(Status::parse(&row.status), "delivery", "status", &row.id)?,
            id: DeliveryId::stored(row.id),
            organization_id: OrganizationId::stored(row.organization_id),
            emit_id: EmitId::stored(row.emit_id),
            receiver: ReceiverId::stored(&row.receiver_id),
            push_id: row.push_id.map(PushId::stored),
            program_id: ProgramId::stored(row.program_id),
            error_message: row.error_message,
            next_attempt_at: codec::time_opt(row.due_at.filter(|_| !row.is_claimed)),
            created_at: codec::time(row.created_at),
            updated_at: codec::time(row.updated_at),
        })
    }
}

/// A delivery of the organization.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, id: &DeliveryId) -> Result<Option<DeliveryView>> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from delivery ",
        joins!(),
        " where delivery.organization_id = $1 and delivery.id = $2"
    );
    let row: Option<ViewRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(DeliveryView::try_from).transpose()
}

/// The conditions of a list of deliveries; a field that is `None` sets none.
#[derive(Clone, Debug, Default)]
pub struct DeliveryQuery {
    /// Only deliveries with this status.
    pub status: Option<Status>,
    /// Only deliveries to this receiver.
    pub receiver: Option<ReceiverId>,
    /// Only deliveries that a push owes (true), or only the others (false).
    pub is_pushed: Option<bool>,
    /// Only deliveries of this emit, under its own id or that of a relay of it.
    pub emit: Option<EmitId>,
    /// Only deliveries created at or after this time.
    pub from: Option<Time>,
    /// Only deliveries created at or before this time.
    pub to: Option<Time>,
}

/// A page of the organization's deliveries, the newest first, and how many match; served by `delivery_emit`,
/// `delivery_receiver`, `delivery_failed` or `delivery_organization`, the first of them that the query allows.
pub async fn list(
    tx: &mut Tx,
    organization: &OrganizationId,
    query: &DeliveryQuery,
    part: Part<'_>,
) -> Result<(Vec<DeliveryView>, i64)> {
    // A condition that a value switches on serves no index, so each list that has one of its own has a statement.
    // Behind `|| ''` neither database looks through all deliveries of the organization.
    macro_rules! page_of {
        ($index:literal) => {
            paged!(
                tx,
                select: columns!(),
                from: "delivery",
                join: joins!(),
                where: concat!($index, "
            and (cast($2 as text) is null or delivery.status = $2)
            and (cast($3 as text) is null or delivery.receiver_id = $3)
            and (cast($4 as text) is null or delivery.emit_id in ($4, $4 || '-' || $1))
            and (cast($5 as bigint) is null or delivery.created_at >= $5)
            and (cast($6 as bigint) is null or delivery.created_at <= $6)
            and (cast($7 as boolean) is null or (delivery.push_id is not null) = $7)"),
                newest: "delivery.id",
                bind: [
                    organization.as_str(),
                    query.status.map(Status::as_str),
                    query.receiver.as_ref().map(ReceiverId::as_str),
                    query.emit.as_ref().map(EmitId::as_str),
                    codec::millis(query.from),
                    codec::millis(query.to),
                    query.is_pushed,
                ],
                page: part,
            )
        };
    }
    let (rows, total): (Vec<ViewRow>, i64) = match query {
        DeliveryQuery { emit: Some(_), .. } => {
            page_of!("delivery.organization_id || '' = $1 and delivery.emit_id in ($4, $4 || '-' || $1)")
        }
        DeliveryQuery { receiver: Some(_), .. } => {
            page_of!("delivery.organization_id || '' = $1 and delivery.receiver_id = $3")
        }
        DeliveryQuery { status: Some(Status::Failed), .. } => {
            page_of!("delivery.organization_id = $1 and delivery.status = 'FAILED'")
        }
        _ => page_of!("delivery.organization_id = $1"),
    };
    Ok((rows.into_iter().map(DeliveryView::try_from).collect::<Result<_>>()?, total))
}

/// The deliveries of an emit, by its stored id, to some receivers, each receiver's in order; served by
/// `delivery_emit`.
pub async fn of_emit(
    tx: &mut Tx,
    organization: &OrganizationId,
    emit: &EmitId,
    receivers: &[ReceiverId],
) -> Result<Vec<Delivery>> {
    // Behind `|| ''` neither database looks through all deliveries of the organization.
    const SQL: Dialects = over_rows!(
        "select id, organization_id, emit_id, receiver_id, push_id, program_id, status, error_message, is_claimed,
                due_at, created_at, updated_at
           from delivery
          where organization_id || '' = $2
            and emit_id = $3
            and receiver_id in (select item.value ->> 0 from",
        ") order by id"
    );
    let receivers: Vec<[&str; 1]> = receivers.iter().map(|receiver| [receiver.as_str()]).collect();
    let (sql, receivers) = (SQL.pick(tx), codec::rows(&receivers)?);
    let rows: Vec<DeliveryRow> = on_db!(tx, |conn| sqlx::query_as(sql)
        .bind(&receivers)
        .bind(organization.as_str())
        .bind(emit.as_str())
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(Delivery::try_from).collect()
}

#[derive(FromRow)]
struct AttemptRow {
    delivery_id: String,
    number: i64,
    started_at: i64,
    duration_ms: i64,
    response_status: Option<i64>,
    error_message: Option<String>,
    response_snippet: Option<String>,
    fuel: Option<i64>,
    failure: Option<String>,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = Error;

    fn try_from(row: AttemptRow) -> Result<Self> {
        let status = row
            .response_status
            .map(|status| codec::sound(u16::try_from(status).ok(), "attempt", "response_status", &row.delivery_id));
        Ok(Self {
            number: codec::sound(u32::try_from(row.number).ok(), "attempt", "number", &row.delivery_id)?,
            duration_ms: codec::sound(u32::try_from(row.duration_ms).ok(), "attempt", "duration_ms", &row.delivery_id)?,
            response_status: status.transpose()?,
            started_at: codec::time(row.started_at),
            error_message: row.error_message,
            failure: row.failure.as_deref().and_then(AttemptFailure::parse),
            response_snippet: row.response_snippet,
            fuel: row.fuel.and_then(|fuel| u64::try_from(fuel).ok()),
        })
    }
}

/// The attempts of some of the organization's deliveries, those of each delivery in order.
pub async fn attempts(
    tx: &mut Tx,
    organization: &OrganizationId,
    ids: &[&DeliveryId],
) -> Result<Vec<(DeliveryId, Attempt)>> {
    const SQL: Dialects = over_rows!(
        "select delivery_id, number, started_at, duration_ms, response_status, attempt.error_message,
                response_snippet, fuel, failure
           from attempt
           join delivery on delivery.id = attempt.delivery_id
          where delivery.organization_id = $2
            and delivery_id in (select item.value ->> 0 from",
        ") order by delivery_id, number"
    );
    let ids: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let rows: Vec<AttemptRow> =
        on_db!(tx, |conn| sqlx::query_as(sql).bind(&ids).bind(organization.as_str()).fetch_all(conn).await)?;
    rows.into_iter().map(|row| Ok((DeliveryId::stored(row.delivery_id.as_str()), Attempt::try_from(row)?))).collect()
}

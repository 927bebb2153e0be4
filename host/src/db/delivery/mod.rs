//! Deliveries and their attempts.

use sqlx::FromRow;

use super::{Dialects, Tx, codec, emit::stored_event_type, on_db, over_rows};
use crate::{
    domain::{
        delivery::{Attempt, AttemptFailure, Delivery, Status},
        id::{DeliveryId, EmitId, OrganizationId, ProgramId, PushId},
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
};

mod claim;
mod insert;
mod revive;
mod settle;

pub use claim::{DueReceiver, backlog, claim_due, due_receivers, end_leases, is_any_claimed};
pub use insert::{insert, owed_already};
pub use revive::revive;
pub use settle::settle;

/// A delivery with what an API answer says of its emit and its target.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// The delivery.
    pub delivery: Delivery,
    /// The canonical name of what is owed.
    pub canonical_name: String,
    /// Where it goes; `None` when the receiver is gone.
    pub webhook_url: Option<String>,
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
    namespace: String,
    name: String,
    version: String,
    webhook_url: Option<String>,
}

impl TryFrom<DeliveryRow> for DeliveryView {
    type Error = crate::error::Error;

    fn try_from(row: DeliveryRow) -> Result<Self> {
        let organization_id = OrganizationId::stored(row.organization_id);
        Ok(Self {
            canonical_name: stored_event_type(&organization_id, &row.namespace, &row.name, &row.version),
            webhook_url: row.webhook_url,
            delivery: Delivery {
                status: codec::sound(Status::parse(&row.status), "delivery", "status", &row.id)?,
                id: DeliveryId::stored(row.id),
                organization_id,
                emit_id: EmitId::stored(row.emit_id),
                receiver: ReceiverId::stored(&row.receiver_id),
                push_id: row.push_id.map(PushId::stored),
                program_id: ProgramId::stored(row.program_id),
                error_message: row.error_message,
                next_attempt_at: codec::time_opt(row.due_at.filter(|_| !row.is_claimed)),
                created_at: codec::time(row.created_at),
                updated_at: codec::time(row.updated_at),
            },
        })
    }
}

/// A delivery of the organization.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, id: &DeliveryId) -> Result<Option<DeliveryView>> {
    const SQL: &str = "
        select delivery.id, delivery.organization_id, emit_id, receiver_id, delivery.status,
               delivery.error_message, is_claimed, delivery.due_at, delivery.created_at, delivery.updated_at,
               delivery.push_id, delivery.program_id, emit.namespace, emit.name, emit.version,
               coalesce(subscription.webhook_url, federation_member.webhook_url) as webhook_url
          from delivery
          join emit on emit.id = delivery.emit_id
          left join subscription on subscription.id = delivery.receiver_id
          left join federation_member on federation_member.id = delivery.receiver_id
         where delivery.organization_id = $1 and delivery.id = $2";
    let row: Option<DeliveryRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(DeliveryView::try_from).transpose()
}

/// What a list of deliveries may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these states.
    pub status: Option<Status>,
    /// Only what is owed to this receiver.
    pub receiver: Option<ReceiverId>,
    /// Only what is owed because of a push, or for other reasons.
    pub is_pushed: Option<bool>,
    /// Only what is owed of this emit.
    pub emit: Option<EmitId>,
    /// Only what was routed at or after this time.
    pub from: Option<Time>,
    /// Only what was routed at or before this time.
    pub to: Option<Time>,
}

/// Binds the filter's seven parameters in the order in which all statements number them.
macro_rules! filtered {
    ($query:expr, $organization:expr, $filter:expr) => {
        $query
            .bind($organization.as_str())
            .bind($filter.status.map(Status::as_str))
            .bind($filter.receiver.as_ref().map(ReceiverId::as_str))
            .bind($filter.emit.as_ref().map(EmitId::as_str))
            .bind(codec::millis($filter.from))
            .bind(codec::millis($filter.to))
            .bind($filter.is_pushed)
    };
}

/// A page of the organization's deliveries, the newest first, and how many match.
pub async fn list(
    tx: &mut Tx,
    organization: &OrganizationId,
    filter: &Filter,
    limit: u32,
    offset: i64,
) -> Result<(Vec<DeliveryView>, i64)> {
    const ROWS: &str = "
        select delivery.id, delivery.organization_id, emit_id, receiver_id, delivery.status,
               delivery.error_message, is_claimed, delivery.due_at, delivery.created_at, delivery.updated_at,
               delivery.push_id, delivery.program_id, emit.namespace, emit.name, emit.version,
               coalesce(subscription.webhook_url, federation_member.webhook_url) as webhook_url
          from delivery
          join emit on emit.id = delivery.emit_id
          left join subscription on subscription.id = delivery.receiver_id
          left join federation_member on federation_member.id = delivery.receiver_id
         where delivery.organization_id = $1
           and (cast($2 as text) is null or delivery.status = $2)
           and (cast($3 as text) is null or receiver_id = $3)
           and (cast($4 as text) is null or emit_id in ($4, $4 || '-' || $1))
           and (cast($5 as bigint) is null or delivery.created_at >= $5)
           and (cast($6 as bigint) is null or delivery.created_at <= $6)
           and (cast($7 as boolean) is null or (delivery.push_id is not null) = $7)
         order by delivery.id desc
         limit $8 offset $9";
    const TOTAL: &str = "
        select count(*)
          from delivery
         where organization_id = $1
           and (cast($2 as text) is null or status = $2)
           and (cast($3 as text) is null or receiver_id = $3)
           and (cast($4 as text) is null or emit_id in ($4, $4 || '-' || $1))
           and (cast($5 as bigint) is null or created_at >= $5)
           and (cast($6 as bigint) is null or created_at <= $6)
           and (cast($7 as boolean) is null or (push_id is not null) = $7)";
    let rows: Vec<DeliveryRow> = on_db!(&mut *tx, |conn| filtered!(sqlx::query_as(ROWS), organization, filter)
        .bind(i64::from(limit))
        .bind(offset)
        .fetch_all(conn)
        .await)?;
    let total: i64 =
        on_db!(tx, |conn| filtered!(sqlx::query_scalar(TOTAL), organization, filter).fetch_one(conn).await)?;
    Ok((rows.into_iter().map(DeliveryView::try_from).collect::<Result<_>>()?, total))
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
    type Error = crate::error::Error;

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

/// The attempts of some deliveries of the organization, each in order.
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

/// Makes a delivery that is in one of these states pending again, with a fresh budget of attempts
/// and marked as a replay. History stays. False when it is in none of them.
pub async fn replay(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &DeliveryId,
    states: &[Status],
    now: Time,
) -> Result<bool> {
    const SQL: Dialects = over_rows!(
        "update delivery
            set status = 'PENDING', is_replay = true, attempts_made = 0, due_at = $4, error_message = null,
                updated_at = $4
          where organization_id = $2 and id = $3
            and status in (select item.value ->> 0 from",
        ")"
    );
    let states: Vec<[&str; 1]> = states.iter().map(|status| [status.as_str()]).collect();
    let (sql, states) = (SQL.pick(tx), codec::rows(&states)?);
    on_db!(tx, |conn| sqlx::query(sql)
        .bind(&states)
        .bind(organization.as_str())
        .bind(id.as_str())
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// A delivery that was given up.
#[derive(Clone, Debug)]
pub struct GivenUp {
    /// What was owed.
    pub emit_id: EmitId,
    /// Because of which push, if it was owed to an external peer.
    pub push_id: Option<PushId>,
    /// Attempts there were at it.
    pub attempts_total: u32,
}

/// Ends what is still owed to a receiver: each becomes a dead letter that says why. Attempts
/// under way lose their claim, so that their outcome cannot undo this.
pub async fn give_up(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: &ReceiverId,
    why: &str,
    now: Time,
) -> Result<Vec<GivenUp>> {
    const SQL: &str = "
        update delivery
           set status = 'FAILED', due_at = null, is_claimed = false, claims = claims + 1, error_message = $3,
               updated_at = $4
         where organization_id = $1 and receiver_id = $2 and due_at is not null
        returning emit_id, push_id, attempts_total";
    let rows: Vec<(String, Option<String>, i64)> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .bind(why)
        .bind(now.as_millis())
        .fetch_all(conn)
        .await)?;
    let given_up = |(emit, push, attempts): (String, Option<String>, i64)| {
        Ok(GivenUp {
            attempts_total: codec::sound(u32::try_from(attempts).ok(), "delivery", "attempts_total", &emit)?,
            emit_id: EmitId::stored(emit),
            push_id: push.map(PushId::stored),
        })
    };
    rows.into_iter().map(given_up).collect()
}

/// How many deliveries wait for a receiver, counted up to `most`; served by `delivery_due`.
pub async fn waiting(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId, most: u32) -> Result<u32> {
    const SQL: &str = "
        select count(*)
          from (select 1
                  from delivery
                 where organization_id = $1 and receiver_id = $2 and due_at is not null
                 limit $3) as waiting";
    let count: i64 = on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .bind(i64::from(most))
        .fetch_one(conn)
        .await)?;
    Ok(u32::try_from(count).unwrap_or(most))
}

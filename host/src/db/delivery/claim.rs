//! Due deliveries: finds the receivers that have some, and claims them.

use sqlx::FromRow;

use crate::{
    db::{Dialects, Tx, codec, on_db},
    domain::{
        delivery::Claimed,
        flow::Limits,
        id::{DeliveryId, EmitId, OrganizationId, ProgramId, PushId},
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
};

/// A receiver that has due deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueReceiver {
    pub id: ReceiverId,
    /// The organization of the deliveries that are due; `None` when all of the receiver's are due later.
    pub organization_id: Option<OrganizationId>,
    /// The limits that its subscription sets; the host's defaults for an external peer.
    pub limits: Limits,
}

#[derive(FromRow)]
struct DueRow {
    id: String,
    organization_id: Option<String>,
    max_in_flight: Option<i64>,
    rate_limit_per_second: Option<i64>,
}

/// The next `limit` receivers after `after`, by id, that have unfinished deliveries. Each costs two look-ups
/// in `delivery_due`, however many deliveries it has, so one with a long queue hides no other.
pub async fn due_receivers(tx: &mut Tx, now: Time, after: &str, limit: u32) -> Result<Vec<DueReceiver>> {
    const SQL: &str = "
        with recursive lane (id, number) as (
            select min(receiver_id), 1
              from delivery
             where due_at is not null and receiver_id > $1
            union all
            select (select min(next.receiver_id)
                      from delivery as next
                     where next.due_at is not null and next.receiver_id > lane.id),
                   lane.number + 1
              from lane
             where lane.id is not null and lane.number < $3
        )
        select lane.id,
               (select due.organization_id
                  from delivery as due
                 where due.receiver_id = lane.id and due.due_at <= $2
                 order by due.due_at
                 limit 1) as organization_id,
               max_in_flight, rate_limit_per_second
          from lane
          left join subscription on subscription.id = lane.id
         where lane.id is not null
         order by lane.id";
    let rows: Vec<DueRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(after)
        .bind(now.as_millis())
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    let due = |row: DueRow| DueReceiver {
        id: ReceiverId::stored(&row.id),
        organization_id: row.organization_id.map(OrganizationId::stored),
        limits: Limits::new(number(row.max_in_flight), number(row.rate_limit_per_second)),
    };
    Ok(rows.into_iter().map(due).collect())
}

/// The columns of [`ClaimedRow`].
macro_rules! columns {
    () => {
        "id, organization_id, emit_id, receiver_id, push_id, program_id, attributes, is_replay, attempts_made,
         attempts_total, claims"
    };
}
pub(super) use columns;

#[derive(FromRow)]
pub(super) struct ClaimedRow {
    id: String,
    organization_id: String,
    emit_id: String,
    receiver_id: String,
    push_id: Option<String>,
    program_id: String,
    attributes: Option<String>,
    is_replay: bool,
    attempts_made: i64,
    attempts_total: i64,
    claims: i64,
}

impl TryFrom<ClaimedRow> for Claimed {
    type Error = crate::error::Error;

    fn try_from(row: ClaimedRow) -> Result<Self> {
        let attributes = row.attributes.as_deref().map_or(Some(Vec::new()), |text| serde_json::from_str(text).ok());
        let count = |number: i64, column| codec::sound(u32::try_from(number).ok(), "delivery", column, &row.id);
        Ok(Self {
            attributes: codec::sound(attributes, "delivery", "attributes", &row.id)?,
            attempts_made: count(row.attempts_made, "attempts_made")?,
            attempts_total: count(row.attempts_total, "attempts_total")?,
            is_replay: row.is_replay,
            claims: row.claims,
            id: DeliveryId::stored(row.id),
            organization_id: OrganizationId::stored(row.organization_id),
            emit_id: EmitId::stored(row.emit_id),
            receiver: ReceiverId::stored(&row.receiver_id),
            push_id: row.push_id.map(PushId::stored),
            program_id: ProgramId::stored(row.program_id),
        })
    }
}

/// Claims up to `limit` due deliveries of one receiver, the longest due first, until `lease_until`.
pub async fn claim_due(
    tx: &mut Tx,
    receiver: &ReceiverId,
    now: Time,
    lease_until: Time,
    limit: u32,
) -> Result<Vec<Claimed>> {
    // SQLite has one writer; hosts on PostgreSQL must not wait for each other's rows.
    const SQL: Dialects = Dialects {
        sqlite: concat!(
            "with due as (select id from delivery where receiver_id = $1 and due_at <= $2
                          order by due_at limit $4)
            update delivery
               set due_at = $3, is_claimed = true, claims = claims + 1
             where id in (select id from due)
            returning ",
            columns!()
        ),
        postgres: concat!(
            "with due as (select id from delivery where receiver_id = $1 and due_at <= $2
                          order by due_at limit $4 for update skip locked)
            update delivery
               set due_at = $3, is_claimed = true, claims = claims + 1
             where id in (select id from due)
            returning ",
            columns!()
        ),
    };
    let sql = SQL.pick(tx);
    let rows: Vec<ClaimedRow> = on_db!(tx, |conn| sqlx::query_as(sql)
        .bind(receiver.as_str())
        .bind(now.as_millis())
        .bind(lease_until.as_millis())
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(Claimed::try_from).collect()
}

/// Ends all leases at `now`: only the one owner of a database may do so, when it starts. Retries that are due
/// later keep their time.
pub async fn end_leases(tx: &mut Tx, now: Time) -> Result<u64> {
    const SQL: &str = "update delivery set due_at = $1, is_claimed = false where is_claimed";
    on_db!(tx, |conn| sqlx::query(SQL).bind(now.as_millis()).execute(conn).await.map(|done| done.rows_affected()))
}

/// The number of unfinished deliveries, and when the oldest was created.
pub async fn unfinished(tx: &mut Tx) -> Result<(i64, Option<Time>)> {
    const SQL: &str = "select count(*), min(created_at) from delivery where due_at is not null";
    let (count, oldest): (i64, Option<i64>) = on_db!(tx, |conn| sqlx::query_as(SQL).fetch_one(conn).await)?;
    Ok((count, codec::time_opt(oldest)))
}

/// Whether a delivery is claimed, by any host. For tests.
pub async fn is_any_claimed(tx: &mut Tx) -> Result<bool> {
    const SQL: &str = "select exists (select 1 from delivery where due_at is not null and is_claimed)";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await)
}

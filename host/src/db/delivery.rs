//! Deliveries and their attempts.

use sqlx::FromRow;

use super::{Dialects, Tx, codec, emit::stored_event_type, on_db, over_rows};
use crate::{
    domain::{
        delivery::{Attempt, Delivery, Status},
        flow::Limits,
        id::{DeliveryId, EmitId, OrganizationId, SubscriptionId},
        time::Time,
    },
    error::Result,
};

/// A delivery with what an API answer says of its emit and its target.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// The delivery.
    pub delivery: Delivery,
    /// The canonical name of what is owed.
    pub canonical_name: String,
    /// Where it goes; `None` when the subscription is gone.
    pub webhook_url: Option<String>,
}

#[derive(FromRow)]
struct DeliveryRow {
    id: String,
    organization_id: String,
    emit_id: String,
    subscription_id: String,
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
                subscription_id: SubscriptionId::stored(row.subscription_id),
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
        select delivery.id, delivery.organization_id, emit_id, subscription_id, delivery.status,
               delivery.error_message, is_claimed, delivery.due_at, delivery.created_at, delivery.updated_at,
               emit.namespace, emit.name, emit.version, webhook_url
          from delivery
          join emit on emit.id = delivery.emit_id
          left join subscription on subscription.id = delivery.subscription_id
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
    /// Only what is owed to this subscription.
    pub subscription: Option<SubscriptionId>,
    /// Only what is owed of this emit.
    pub emit: Option<EmitId>,
    /// Only what was routed at or after this time.
    pub from: Option<Time>,
    /// Only what was routed at or before this time.
    pub to: Option<Time>,
}

/// Binds the filter's six parameters in the order in which all statements number them.
macro_rules! filtered {
    ($query:expr, $organization:expr, $filter:expr) => {
        $query
            .bind($organization.as_str())
            .bind($filter.status.map(Status::as_str))
            .bind($filter.subscription.as_ref().map(SubscriptionId::as_str))
            .bind($filter.emit.as_ref().map(EmitId::as_str))
            .bind(codec::millis($filter.from))
            .bind(codec::millis($filter.to))
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
        select delivery.id, delivery.organization_id, emit_id, subscription_id, delivery.status,
               delivery.error_message, is_claimed, delivery.due_at, delivery.created_at, delivery.updated_at,
               emit.namespace, emit.name, emit.version, webhook_url
          from delivery
          join emit on emit.id = delivery.emit_id
          left join subscription on subscription.id = delivery.subscription_id
         where delivery.organization_id = $1
           and (cast($2 as text) is null or delivery.status = $2)
           and (cast($3 as text) is null or subscription_id = $3)
           and (cast($4 as text) is null or emit_id in ($4, $4 || '-' || $1))
           and (cast($5 as bigint) is null or delivery.created_at >= $5)
           and (cast($6 as bigint) is null or delivery.created_at <= $6)
         order by delivery.id desc
         limit $7 offset $8";
    const TOTAL: &str = "
        select count(*)
          from delivery
         where organization_id = $1
           and (cast($2 as text) is null or status = $2)
           and (cast($3 as text) is null or subscription_id = $3)
           and (cast($4 as text) is null or emit_id in ($4, $4 || '-' || $1))
           and (cast($5 as bigint) is null or created_at >= $5)
           and (cast($6 as bigint) is null or created_at <= $6)";
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
                response_snippet, fuel
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

/// Ends what is still owed to a subscription: each becomes a dead letter that says why. Attempts
/// under way lose their claim, so that their outcome cannot undo this.
pub async fn give_up(
    tx: &mut Tx,
    organization: &OrganizationId,
    subscription: &SubscriptionId,
    why: &str,
    now: Time,
) -> Result<u64> {
    const SQL: &str = "
        update delivery
           set status = 'FAILED', due_at = null, is_claimed = false, claims = claims + 1, error_message = $3,
               updated_at = $4
         where organization_id = $1 and subscription_id = $2 and due_at is not null";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(subscription.as_str())
        .bind(why)
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))
}

/// How many deliveries wait for a subscription, counted up to `most`; served by `delivery_due`.
pub async fn waiting(
    tx: &mut Tx,
    organization: &OrganizationId,
    subscription: &SubscriptionId,
    most: u32,
) -> Result<u32> {
    const SQL: &str = "
        select count(*)
          from (select 1
                  from delivery
                 where organization_id = $1 and subscription_id = $2 and due_at is not null
                 limit $3) as waiting";
    let count: i64 = on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(organization.as_str())
        .bind(subscription.as_str())
        .bind(i64::from(most))
        .fetch_one(conn)
        .await)?;
    Ok(u32::try_from(count).unwrap_or(most))
}

/// A subscription that has due deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueSubscription {
    /// The subscription.
    pub id: SubscriptionId,
    /// Whose it is; `None` when everything it is owed is due later.
    pub organization_id: Option<OrganizationId>,
    /// What it allows.
    pub limits: Limits,
}

#[derive(FromRow)]
struct DueRow {
    id: String,
    organization_id: Option<String>,
    max_in_flight: Option<i64>,
    rate_limit_per_second: Option<i64>,
}

/// The next `limit` subscriptions after `after`, by id, that are owed anything. Each costs two
/// look-ups in `delivery_due`, however much it is owed, so one with a long queue hides no other.
pub async fn due_subscriptions(tx: &mut Tx, now: Time, after: &str, limit: u32) -> Result<Vec<DueSubscription>> {
    const SQL: &str = "
        with recursive lane (id, number) as (
            select min(subscription_id), 1
              from delivery
             where due_at is not null and subscription_id > $1
            union all
            select (select min(next.subscription_id)
                      from delivery as next
                     where next.due_at is not null and next.subscription_id > lane.id),
                   lane.number + 1
              from lane
             where lane.id is not null and lane.number < $3
        )
        select lane.id,
               (select due.organization_id
                  from delivery as due
                 where due.subscription_id = lane.id and due.due_at <= $2
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
    let due = |row: DueRow| DueSubscription {
        id: SubscriptionId::stored(row.id),
        organization_id: row.organization_id.map(OrganizationId::stored),
        limits: Limits::new(number(row.max_in_flight), number(row.rate_limit_per_second)),
    };
    Ok(rows.into_iter().map(due).collect())
}

/// A delivery that a worker has taken.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The delivery.
    pub id: DeliveryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What is owed.
    pub emit_id: EmitId,
    /// To whom.
    pub subscription_id: SubscriptionId,
    /// Added by the router for this delivery.
    pub attributes: Vec<(String, String)>,
    /// Whether somebody asked for it again.
    pub is_replay: bool,
    /// Attempts of this round so far.
    pub attempts_made: u32,
    /// Attempts of all rounds so far.
    pub attempts_total: u32,
    /// The fencing token of this claim.
    pub claims: i64,
}

#[derive(FromRow)]
pub(super) struct ClaimedRow {
    id: String,
    organization_id: String,
    emit_id: String,
    subscription_id: String,
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
            subscription_id: SubscriptionId::stored(row.subscription_id),
        })
    }
}

/// Takes up to `limit` due deliveries of one subscription, the longest due first, until
/// `lease_until`.
pub async fn claim_due(
    tx: &mut Tx,
    subscription: &SubscriptionId,
    now: Time,
    lease_until: Time,
    limit: u32,
) -> Result<Vec<Claimed>> {
    // SQLite's writer is alone anyway; PostgreSQL's hosts must not wait for each other's rows.
    const SQL: Dialects = Dialects {
        sqlite: "
            with due as (select id from delivery where subscription_id = $1 and due_at <= $2
                          order by due_at limit $4)
            update delivery
               set due_at = $3, is_claimed = true, claims = claims + 1
             where id in (select id from due)
            returning id, organization_id, emit_id, subscription_id, attributes, is_replay, attempts_made,
                      attempts_total, claims",
        postgres: "
            with due as (select id from delivery where subscription_id = $1 and due_at <= $2
                          order by due_at limit $4 for update skip locked)
            update delivery
               set due_at = $3, is_claimed = true, claims = claims + 1
             where id in (select id from due)
            returning id, organization_id, emit_id, subscription_id, attributes, is_replay, attempts_made,
                      attempts_total, claims",
    };
    let sql = SQL.pick(tx);
    let rows: Vec<ClaimedRow> = on_db!(tx, |conn| sqlx::query_as(sql)
        .bind(subscription.as_str())
        .bind(now.as_millis())
        .bind(lease_until.as_millis())
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(Claimed::try_from).collect()
}

/// Ends all leases at `now`: only the one owner of a database may do so, when it starts. Retries
/// that wait for their time keep it.
pub async fn end_leases(tx: &mut Tx, now: Time) -> Result<u64> {
    const SQL: &str = "update delivery set due_at = $1, is_claimed = false where is_claimed";
    on_db!(tx, |conn| sqlx::query(SQL).bind(now.as_millis()).execute(conn).await.map(|done| done.rows_affected()))
}

/// How many deliveries are owed, and since when the oldest is.
pub async fn backlog(tx: &mut Tx) -> Result<(i64, Option<Time>)> {
    const SQL: &str = "select count(*), min(created_at) from delivery where due_at is not null";
    let (count, oldest): (i64, Option<i64>) = on_db!(tx, |conn| sqlx::query_as(SQL).fetch_one(conn).await)?;
    Ok((count, codec::time_opt(oldest)))
}

/// Whether a delivery is claimed by anybody: for tests.
pub async fn is_any_claimed(tx: &mut Tx) -> Result<bool> {
    const SQL: &str = "select exists (select 1 from delivery where due_at is not null and is_claimed)";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await)
}

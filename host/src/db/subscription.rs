//! Subscriptions and the event types they want.

use sqlx::FromRow;

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{
        id::{OrganizationId, SubscriptionId},
        subscription::{EventType, Subscription},
    },
    error::Result,
};

#[derive(FromRow)]
struct SubscriptionRow {
    id: String,
    organization_id: String,
    name: String,
    webhook_url: String,
    is_active: bool,
    created_at: i64,
    updated_at: i64,
}

impl SubscriptionRow {
    fn with(self, event_types: Vec<EventType>) -> Subscription {
        Subscription {
            id: SubscriptionId::stored(self.id),
            organization_id: OrganizationId::stored(self.organization_id),
            name: self.name,
            event_types,
            webhook_url: self.webhook_url,
            is_active: self.is_active,
            created_at: codec::time(self.created_at),
            updated_at: codec::time(self.updated_at),
        }
    }
}

/// Adds a subscription with its encrypted secret.
pub async fn insert(
    tx: &mut Tx,
    organization: &OrganizationId,
    subscription: &Subscription,
    secret_encrypted: &[u8],
) -> Result<()> {
    const SUBSCRIPTION: &str = "
        insert into subscription (id, organization_id, name, webhook_url, is_active, secret_encrypted, created_at,
                                  updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let s = subscription;
    on_db!(&mut *tx, |conn| sqlx::query(SUBSCRIPTION)
        .bind(s.id.as_str())
        .bind(organization.as_str())
        .bind(&s.name)
        .bind(&s.webhook_url)
        .bind(s.is_active)
        .bind(secret_encrypted)
        .bind(s.created_at.as_millis())
        .bind(s.updated_at.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))?;
    insert_event_types(tx, organization, s).await
}

async fn insert_event_types(tx: &mut Tx, organization: &OrganizationId, subscription: &Subscription) -> Result<()> {
    const SQL: &str = "
        insert into subscription_event (organization_id, subscription_id, position, event_type, is_pattern)
        values ($1, $2, $3, $4, $5)";
    for (position, event_type) in (0_i64..).zip(&subscription.event_types) {
        on_db!(&mut *tx, |conn| sqlx::query(SQL)
            .bind(organization.as_str())
            .bind(subscription.id.as_str())
            .bind(position)
            .bind(event_type.as_str())
            .bind(event_type.is_pattern())
            .execute(conn)
            .await
            .map(|_| ()))?;
    }
    Ok(())
}

/// A subscription of the organization.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, id: &SubscriptionId) -> Result<Option<Subscription>> {
    const SUBSCRIPTION: &str = "
        select id, organization_id, name, webhook_url, is_active, created_at, updated_at
          from subscription
         where organization_id = $1 and id = $2";
    const EVENT_TYPES: &str = "
        select event_type
          from subscription_event
         where organization_id = $1 and subscription_id = $2
         order by position";
    let row: Option<SubscriptionRow> = on_db!(&mut *tx, |conn| sqlx::query_as(SUBSCRIPTION)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    let Some(row) = row else { return Ok(None) };
    let types: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(EVENT_TYPES)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_all(conn)
        .await)?;
    Ok(Some(row.with(types.into_iter().map(EventType::stored).collect())))
}

/// The organization's subscriptions, the newest first.
pub async fn list(tx: &mut Tx, organization: &OrganizationId) -> Result<Vec<Subscription>> {
    const SUBSCRIPTIONS: &str = "
        select id, organization_id, name, webhook_url, is_active, created_at, updated_at
          from subscription
         where organization_id = $1
         order by id desc";
    const EVENT_TYPES: &str = "
        select subscription_id, event_type
          from subscription_event
         where organization_id = $1
         order by subscription_id desc, position desc";
    let rows: Vec<SubscriptionRow> =
        on_db!(&mut *tx, |conn| sqlx::query_as(SUBSCRIPTIONS).bind(organization.as_str()).fetch_all(conn).await)?;
    let mut types: Vec<(String, String)> =
        on_db!(tx, |conn| sqlx::query_as(EVENT_TYPES).bind(organization.as_str()).fetch_all(conn).await)?;
    // Both lists run in the same order, so the types of each row are the next ones. The last
    // position comes first, because they are taken off the end.
    types.reverse();
    let mut subscriptions: Vec<Subscription> = Vec::with_capacity(rows.len());
    for row in rows {
        let mut own = Vec::new();
        while types.last().is_some_and(|(id, _)| *id == row.id) {
            own.extend(types.pop().map(|(_, event_type)| EventType::stored(event_type)));
        }
        own.reverse();
        subscriptions.push(row.with(own));
    }
    Ok(subscriptions)
}

/// Removes a subscription and its event types; false when there was none. What it was still owed
/// is the caller's to settle, in the same transaction.
pub async fn delete(tx: &mut Tx, organization: &OrganizationId, id: &SubscriptionId) -> Result<bool> {
    const SQL: &str = "delete from subscription where organization_id = $1 and id = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// A subscription as a target, its secret still encrypted.
#[derive(Clone, Debug, FromRow)]
pub struct TargetRow {
    /// The subscription.
    pub id: String,
    /// Where events go.
    pub webhook_url: String,
    /// Its signing secret, encrypted.
    pub secret_encrypted: Vec<u8>,
}

/// The active subscriptions that want events of this name exactly, or all versions of it; served
/// by `subscription_event_type`. Each comes once, by id.
pub async fn wanting(
    tx: &mut Tx,
    organization: &OrganizationId,
    name: &str,
    all_versions: &str,
) -> Result<Vec<TargetRow>> {
    const SQL: &str = "
        select id, webhook_url, secret_encrypted
          from subscription
         where organization_id = $1
           and is_active
           and id in (select subscription_id
                        from subscription_event
                       where organization_id = $1 and event_type in ($2, $3))
         order by id";
    on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(name)
        .bind(all_versions)
        .fetch_all(conn)
        .await)
}

/// The active subscriptions that want events by a pattern, with each pattern; served by
/// `subscription_event_pattern`.
pub async fn patterns(tx: &mut Tx, organization: &OrganizationId) -> Result<Vec<(EventType, TargetRow)>> {
    const SQL: &str = "
        select subscription_event.event_type, subscription.id, webhook_url, secret_encrypted
          from subscription_event
          join subscription on subscription.id = subscription_event.subscription_id
         where subscription_event.organization_id = $1 and is_pattern and is_active
         order by subscription.id, position";
    let rows: Vec<(String, String, String, Vec<u8>)> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(organization.as_str()).fetch_all(conn).await)?;
    let pattern = |(event_type, id, webhook_url, secret_encrypted)| {
        (EventType::stored(event_type), TargetRow { id, webhook_url, secret_encrypted })
    };
    Ok(rows.into_iter().map(pattern).collect())
}

/// The event types of active subscriptions that are one of these names, or a pattern of any kind;
/// served by `subscription_event_type` and `subscription_event_pattern`.
pub async fn types_among(tx: &mut Tx, organization: &OrganizationId, names: &[&str]) -> Result<Vec<EventType>> {
    const SQL: Dialects = over_rows!(
        "select distinct event_type
           from subscription_event
           join subscription on subscription.id = subscription_event.subscription_id
          where subscription_event.organization_id = $2
            and is_active
            and (is_pattern or event_type in (select item.value ->> 0 from",
        "))"
    );
    let names: Vec<[&str; 1]> = names.iter().map(|name| [*name]).collect();
    let (sql, names) = (SQL.pick(tx), codec::rows(&names)?);
    let types: Vec<String> =
        on_db!(tx, |conn| sqlx::query_scalar(sql).bind(&names).bind(organization.as_str()).fetch_all(conn).await)?;
    Ok(types.into_iter().map(EventType::stored).collect())
}

/// One subscription as a target, active or not: what is owed is owed.
pub async fn target(tx: &mut Tx, organization: &OrganizationId, id: &SubscriptionId) -> Result<Option<TargetRow>> {
    const SQL: &str =
        "select id, webhook_url, secret_encrypted from subscription where organization_id = $1 and id = $2";
    on_db!(tx, |conn| sqlx::query_as(SQL).bind(organization.as_str()).bind(id.as_str()).fetch_optional(conn).await)
}

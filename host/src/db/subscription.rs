//! Subscriptions with their event types.

use sqlx::FromRow;

use super::{
    Dialects, Tx, codec, on_db, one_row, over_rows,
    page::{Part, paged},
};
use crate::{
    domain::{
        id::{EmitId, OrganizationId, SubscriptionId},
        subscription::{Disabled, EventType, Kind, SignatureScheme, Subscription, Terms},
        time::Time,
    },
    error::Result,
};

mod catch_up;
mod endpoint;
mod stored_endpoint;

pub use catch_up::{CatchingUp, advance, catching_up, next_behind};
pub use endpoint::{disable, has_succeeded_since, set_failing_since};
pub use stored_endpoint::{StoredEndpoint, endpoint, patterns, wanting};

/// The columns of [`TermsRow`].
macro_rules! terms {
    () => {
        "filter, labels, signature_scheme, retry_schedule, max_in_flight, rate_limit_per_second"
    };
}
use terms;

#[derive(FromRow)]
struct TermsRow {
    filter: Option<String>,
    labels: Option<String>,
    signature_scheme: String,
    retry_schedule: Option<String>,
    max_in_flight: Option<i64>,
    rate_limit_per_second: Option<i64>,
}

impl TermsRow {
    fn of(self, subscription: &str) -> Result<Terms> {
        let number = |number: Option<i64>, column| {
            let read = |number| codec::sound(u32::try_from(number).ok(), "subscription", column, subscription);
            number.map(read).transpose()
        };
        let scheme = SignatureScheme::parse(&self.signature_scheme);
        let schedule = self.retry_schedule.map(|text| text.parse().ok());
        let schedule = schedule.map(|read| codec::sound(read, "subscription", "retry_schedule", subscription));
        Ok(Terms {
            filter: self.filter.map(Into::into),
            labels: labels(self.labels.as_deref(), subscription)?,
            signature_scheme: codec::sound(scheme, "subscription", "signature_scheme", subscription)?,
            retry_schedule: schedule.transpose()?,
            max_in_flight: number(self.max_in_flight, "max_in_flight")?,
            rate_limit_per_second: number(self.rate_limit_per_second, "rate_limit_per_second")?,
        })
    }
}

/// Reads labels, which are stored as an object whose members keep their order.
fn labels(text: Option<&str>, subscription: &str) -> Result<Vec<(String, String)>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let object: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(text).ok();
    let label = |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
    let labels = object.and_then(|object| object.into_iter().map(label).collect());
    codec::sound(labels, "subscription", "labels", subscription)
}

fn labels_text(labels: &[(String, String)]) -> Option<String> {
    let object: serde_json::Map<_, _> =
        labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    (!labels.is_empty()).then(|| serde_json::Value::Object(object).to_string())
}

/// The columns of [`SubscriptionRow`]. The newest delivery is found by `delivery_subscription`.
macro_rules! columns {
    () => {
        concat!(
            "id, organization_id, kind, name, webhook_url, is_active, header_names, start_at, previous_secret_until,
             disabled_at, disabled_reason, failing_since, created_at, updated_at,
             (select delivery.created_at
                from delivery
               where delivery.receiver_id = subscription.id
               order by delivery.id desc
               limit 1) as last_triggered_at, ",
            terms!()
        )
    };
}

#[derive(FromRow)]
struct SubscriptionRow {
    id: String,
    organization_id: String,
    kind: String,
    name: String,
    webhook_url: String,
    is_active: bool,
    header_names: Option<String>,
    start_at: Option<i64>,
    previous_secret_until: Option<i64>,
    disabled_at: Option<i64>,
    disabled_reason: Option<String>,
    failing_since: Option<i64>,
    created_at: i64,
    updated_at: i64,
    last_triggered_at: Option<i64>,
    #[sqlx(flatten)]
    terms: TermsRow,
}

impl SubscriptionRow {
    fn with(self, event_types: Vec<EventType>) -> Result<Subscription> {
        let names = self.header_names.as_deref().map_or(Some(Vec::new()), |text| serde_json::from_str(text).ok());
        Ok(Subscription {
            kind: codec::sound(Kind::parse(&self.kind), "subscription", "kind", &self.id)?,
            terms: self.terms.of(&self.id)?,
            header_names: codec::sound(names, "subscription", "header_names", &self.id)?,
            id: SubscriptionId::stored(self.id),
            organization_id: OrganizationId::stored(self.organization_id),
            name: self.name,
            event_types,
            webhook_url: self.webhook_url,
            is_active: self.is_active,
            start_at: codec::time_opt(self.start_at),
            previous_secret_until: codec::time_opt(self.previous_secret_until),
            disabled: disabled(self.disabled_at, self.disabled_reason),
            failing_since: codec::time_opt(self.failing_since),
            last_triggered_at: codec::time_opt(self.last_triggered_at),
            created_at: codec::time(self.created_at),
            updated_at: codec::time(self.updated_at),
        })
    }
}

fn disabled(at: Option<i64>, reason: Option<String>) -> Option<Disabled> {
    Some(Disabled { at: codec::time(at?), reason: reason.unwrap_or_default() })
}

/// The secrets of a subscription, encrypted.
pub struct Sealed {
    /// The signing secret.
    pub secret: Vec<u8>,
    /// The static headers, names and values; `None` when it has none.
    pub headers: Option<Vec<u8>>,
}

/// The first events that a new subscription gets.
pub struct Beginning {
    /// It gets events that are accepted at this revision of the organization or later.
    pub since_revision: i64,
    /// If set, it also gets earlier events, from the one after this emit on.
    pub catch_up_after: Option<EmitId>,
}

/// The number of an organization's subscriptions, webhooks among them; served by `subscription_organization`.
pub async fn count(tx: &mut Tx, organization: &OrganizationId) -> Result<u64> {
    const SQL: &str = "select count(*) from subscription where organization_id = $1";
    let count: i64 = on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(organization.as_str()).fetch_one(conn).await)?;
    Ok(count.unsigned_abs())
}

/// Adds a subscription.
pub async fn insert(
    tx: &mut Tx,
    organization: &OrganizationId,
    subscription: &Subscription,
    sealed: &Sealed,
    beginning: &Beginning,
) -> Result<()> {
    const SQL: &str = "
        insert into subscription (id, organization_id, kind, name, webhook_url, is_active, secret_encrypted,
                                  headers_encrypted, header_names, start_at, since_revision, created_at, updated_at,
                                  filter, labels, signature_scheme, retry_schedule, max_in_flight,
                                  rate_limit_per_second, catch_up_after)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
    let (s, terms) = (subscription, &subscription.terms);
    on_db!(&mut *tx, |conn| sqlx::query(SQL)
        .bind(s.id.as_str())
        .bind(organization.as_str())
        .bind(s.kind.as_str())
        .bind(&s.name)
        .bind(&s.webhook_url)
        .bind(s.is_active)
        .bind(&sealed.secret)
        .bind(&sealed.headers)
        .bind(names_text(&s.header_names))
        .bind(codec::millis(s.start_at))
        .bind(beginning.since_revision)
        .bind(s.created_at.as_millis())
        .bind(s.updated_at.as_millis())
        .bind(terms.filter.as_deref())
        .bind(labels_text(&terms.labels))
        .bind(terms.signature_scheme.as_str())
        .bind(terms.retry_schedule.as_ref().map(ToString::to_string))
        .bind(terms.max_in_flight.map(i64::from))
        .bind(terms.rate_limit_per_second.map(i64::from))
        .bind(beginning.catch_up_after.as_ref().map(EmitId::as_str))
        .execute(conn)
        .await
        .map(|_| ()))?;
    insert_event_types(tx, organization, s).await
}

fn names_text(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| serde_json::json!(names).to_string())
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

/// Stores everything of a subscription that its owner may change, except secret and static headers.
pub async fn update(tx: &mut Tx, organization: &OrganizationId, subscription: &Subscription) -> Result<()> {
    const SUBSCRIPTION: &str = "
        update subscription
           set name = $3, webhook_url = $4, is_active = $5, filter = $6, labels = $7, signature_scheme = $8,
               retry_schedule = $9, max_in_flight = $10, rate_limit_per_second = $11, disabled_at = $12,
               disabled_reason = $13, failing_since = $14, updated_at = $15
         where organization_id = $1 and id = $2";
    const EVENT_TYPES: &str = "delete from subscription_event where organization_id = $1 and subscription_id = $2";
    let (s, terms) = (subscription, &subscription.terms);
    let touched = on_db!(&mut *tx, |conn| sqlx::query(SUBSCRIPTION)
        .bind(organization.as_str())
        .bind(s.id.as_str())
        .bind(&s.name)
        .bind(&s.webhook_url)
        .bind(s.is_active)
        .bind(terms.filter.as_deref())
        .bind(labels_text(&terms.labels))
        .bind(terms.signature_scheme.as_str())
        .bind(terms.retry_schedule.as_ref().map(ToString::to_string))
        .bind(terms.max_in_flight.map(i64::from))
        .bind(terms.rate_limit_per_second.map(i64::from))
        .bind(codec::millis(s.disabled.as_ref().map(|disabled| disabled.at)))
        .bind(s.disabled.as_ref().map(|disabled| disabled.reason.as_str()))
        .bind(codec::millis(s.failing_since))
        .bind(s.updated_at.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "subscription::update")?;
    on_db!(&mut *tx, |conn| sqlx::query(EVENT_TYPES)
        .bind(organization.as_str())
        .bind(s.id.as_str())
        .execute(conn)
        .await
        .map(|_| ()))?;
    insert_event_types(tx, organization, s).await
}

/// Stores static headers: the names in the clear, and names and values encrypted.
pub async fn set_headers(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &SubscriptionId,
    names: &[String],
    sealed: Option<&[u8]>,
) -> Result<()> {
    const SQL: &str = "
        update subscription set header_names = $3, headers_encrypted = $4 where organization_id = $1 and id = $2";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .bind(names_text(names))
        .bind(sealed)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "subscription::set_headers")
}

/// Replaces the secret. The replaced one signs until `overlap_until`, if that is set; the one before it is
/// deleted.
pub async fn rotate(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &SubscriptionId,
    secret_encrypted: &[u8],
    overlap_until: Option<Time>,
    now: Time,
) -> Result<()> {
    const SQL: &str = "
        update subscription
           set previous_secret_encrypted = case when cast($4 as bigint) is null then null else secret_encrypted end,
               previous_secret_until = $4, secret_encrypted = $3, updated_at = $5
         where organization_id = $1 and id = $2";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .bind(secret_encrypted)
        .bind(codec::millis(overlap_until))
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "subscription::rotate")
}

/// A subscription of the organization.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, id: &SubscriptionId) -> Result<Option<Subscription>> {
    const SUBSCRIPTION: &str =
        concat!("select ", columns!(), " from subscription where organization_id = $1 and id = $2");
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
    row.with(types.into_iter().map(EventType::stored).collect()).map(Some)
}

/// The organization's subscriptions of a kind, the newest first; served by `subscription_kind`.
pub async fn list(tx: &mut Tx, organization: &OrganizationId, kind: Kind) -> Result<Vec<Subscription>> {
    const SUBSCRIPTIONS: &str =
        concat!("select ", columns!(), " from subscription where organization_id = $1 and kind = $2 order by id desc");
    const EVENT_TYPES: &str = "
        select subscription_id, event_type
          from subscription_event
          join subscription on subscription.id = subscription_id
         where subscription_event.organization_id = $1 and kind = $2
         order by subscription_id desc, position desc";
    let rows: Vec<SubscriptionRow> = on_db!(&mut *tx, |conn| sqlx::query_as(SUBSCRIPTIONS)
        .bind(organization.as_str())
        .bind(kind.as_str())
        .fetch_all(conn)
        .await)?;
    let types: Vec<(String, String)> = on_db!(tx, |conn| sqlx::query_as(EVENT_TYPES)
        .bind(organization.as_str())
        .bind(kind.as_str())
        .fetch_all(conn)
        .await)?;
    with_types(rows, types)
}

/// Some of the organization's subscriptions, the newest first; served by the primary keys.
pub async fn some(tx: &mut Tx, organization: &OrganizationId, ids: &[SubscriptionId]) -> Result<Vec<Subscription>> {
    const SUBSCRIPTIONS: Dialects = over_rows!(
        concat!(
            "select ",
            columns!(),
            " from subscription where organization_id = $2 and id in (select item.value ->> 0 from"
        ),
        ") order by id desc"
    );
    // Behind `|| ''` SQLite does not look through all event types of the organization.
    const EVENT_TYPES: Dialects = over_rows!(
        "select subscription_id, event_type
           from subscription_event
          where organization_id || '' = $2
            and subscription_id in (select item.value ->> 0 from",
        ") order by subscription_id desc, position desc"
    );
    let (subscriptions, types, ids) = (SUBSCRIPTIONS.pick(tx), EVENT_TYPES.pick(tx), id_rows(ids)?);
    let rows: Vec<SubscriptionRow> = on_db!(&mut *tx, |conn| sqlx::query_as(subscriptions)
        .bind(&ids)
        .bind(organization.as_str())
        .fetch_all(conn)
        .await)?;
    let types: Vec<(String, String)> =
        on_db!(tx, |conn| sqlx::query_as(types).bind(&ids).bind(organization.as_str()).fetch_all(conn).await)?;
    with_types(rows, types)
}

fn id_rows(ids: &[SubscriptionId]) -> Result<String> {
    codec::rows(&ids.iter().map(|id| [id.as_str()]).collect::<Vec<_>>())
}

/// Subscriptions with their event types, both in falling order of the subscriptions' ids, and the types of each
/// in falling order of their positions.
fn with_types(rows: Vec<SubscriptionRow>, mut types: Vec<(String, String)>) -> Result<Vec<Subscription>> {
    // Both lists are in the same order, so the types of each row are the next ones. They are taken off the
    // end of the reversed list.
    types.reverse();
    let mut subscriptions: Vec<Subscription> = Vec::with_capacity(rows.len());
    for row in rows {
        let mut own = Vec::new();
        while types.last().is_some_and(|(id, _)| *id == row.id) {
            own.extend(types.pop().map(|(_, event_type)| EventType::stored(event_type)));
        }
        own.reverse();
        subscriptions.push(row.with(own)?);
    }
    Ok(subscriptions)
}

/// A page of the ids of the organization's subscriptions of every kind, the newest first, and how many
/// there are; served by `subscription_organization`.
pub async fn ids(tx: &mut Tx, organization: &OrganizationId, part: Part<'_>) -> Result<(Vec<SubscriptionId>, i64)> {
    let (ids, total): (Vec<(String,)>, i64) = paged!(
        tx,
        select: "id",
        from: "subscription",
        where: "organization_id = $1",
        newest: "id",
        bind: [organization.as_str()],
        page: part,
    );
    Ok((ids.into_iter().map(|(id,)| SubscriptionId::stored(id)).collect(), total))
}

/// Deletes a subscription and its event types; false when there is none. The caller ends its unfinished
/// deliveries and replays in the same transaction.
pub async fn delete(tx: &mut Tx, organization: &OrganizationId, id: &SubscriptionId) -> Result<bool> {
    const SQL: &str = "delete from subscription where organization_id = $1 and id = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// The event types of active subscriptions that equal one of these names, and all patterns; served by
/// `subscription_event_type` and `subscription_event_pattern`.
pub async fn types_among(tx: &mut Tx, organization: &OrganizationId, names: &[&str]) -> Result<Vec<EventType>> {
    // `cross join` makes SQLite join in this order; otherwise it reads all event types of the organization.
    const SQL: Dialects = over_rows!(
        "select distinct wanted.event_type
           from (select subscription_id, event_type
                   from subscription_event
                  where organization_id = $2 and is_pattern
                  union all
                 select subscription_id, event_type
                   from",
        "         cross join subscription_event
                  where subscription_event.organization_id = $2 and event_type = item.value ->> 0) as wanted
           join subscription on subscription.id = wanted.subscription_id
          where is_active"
    );
    let names: Vec<[&str; 1]> = names.iter().map(|name| [*name]).collect();
    let (sql, names) = (SQL.pick(tx), codec::rows(&names)?);
    let types: Vec<String> =
        on_db!(tx, |conn| sqlx::query_scalar(sql).bind(&names).bind(organization.as_str()).fetch_all(conn).await)?;
    Ok(types.into_iter().map(EventType::stored).collect())
}

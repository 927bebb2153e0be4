//! Subscriptions as targets: what routing and delivery need of them, secrets still encrypted.

use sqlx::FromRow;

use super::{TermsRow, disabled, terms};
use crate::{
    db::{Tx, codec, on_db},
    domain::{
        id::{OrganizationId, SubscriptionId},
        subscription::{Disabled, EventType, Terms},
        time::Time,
    },
    error::{Error, Result},
};

/// A subscription as a target.
#[derive(Clone, Debug)]
pub struct StoredEndpoint {
    /// The subscription.
    pub id: SubscriptionId,
    /// Where events go.
    pub webhook_url: String,
    /// Whether new events reach it.
    pub is_active: bool,
    /// Why the host gave its endpoint up.
    pub disabled: Option<Disabled>,
    /// The first failure since the last success.
    pub failing_since: Option<Time>,
    /// What it asks for.
    pub terms: Terms,
    /// Its signing secret, encrypted.
    pub secret_encrypted: Vec<u8>,
    /// The secret before that, encrypted, and until when it signs.
    pub previous_secret: Option<(Vec<u8>, Time)>,
    /// Its static headers, encrypted.
    pub headers_encrypted: Option<Vec<u8>>,
    /// It gets what was accepted at this revision or later.
    pub since_revision: i64,
}

/// The columns of [`EndpointRow`].
macro_rules! columns {
    () => {
        concat!(
            "subscription.id, webhook_url, is_active, disabled_at, disabled_reason, failing_since, secret_encrypted,
             previous_secret_encrypted, previous_secret_until, headers_encrypted, since_revision, ",
            terms!()
        )
    };
}

#[derive(FromRow)]
struct EndpointRow {
    id: String,
    webhook_url: String,
    is_active: bool,
    disabled_at: Option<i64>,
    disabled_reason: Option<String>,
    failing_since: Option<i64>,
    secret_encrypted: Vec<u8>,
    previous_secret_encrypted: Option<Vec<u8>>,
    previous_secret_until: Option<i64>,
    headers_encrypted: Option<Vec<u8>>,
    since_revision: i64,
    #[sqlx(flatten)]
    terms: TermsRow,
}

impl TryFrom<EndpointRow> for StoredEndpoint {
    type Error = Error;

    fn try_from(row: EndpointRow) -> Result<Self> {
        Ok(Self {
            terms: row.terms.of(&row.id)?,
            id: SubscriptionId::stored(row.id),
            webhook_url: row.webhook_url,
            is_active: row.is_active,
            disabled: disabled(row.disabled_at, row.disabled_reason),
            failing_since: codec::time_opt(row.failing_since),
            secret_encrypted: row.secret_encrypted,
            previous_secret: row.previous_secret_encrypted.zip(codec::time_opt(row.previous_secret_until)),
            headers_encrypted: row.headers_encrypted,
            since_revision: row.since_revision,
        })
    }
}

/// The active subscriptions that want events of this name exactly, or all versions of it; served
/// by `subscription_event_type`. Each comes once, by id.
pub async fn wanting(
    tx: &mut Tx,
    organization: &OrganizationId,
    name: &str,
    all_versions: &str,
) -> Result<Vec<StoredEndpoint>> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from subscription
         where organization_id = $1
           and is_active
           and id in (select subscription_id
                        from subscription_event
                       where organization_id = $1 and event_type in ($2, $3))
         order by id"
    );
    let rows: Vec<EndpointRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(name)
        .bind(all_versions)
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(StoredEndpoint::try_from).collect()
}

#[derive(FromRow)]
struct PatternRow {
    event_type: String,
    #[sqlx(flatten)]
    target: EndpointRow,
}

/// The active subscriptions that want events by a pattern, with each pattern; served by
/// `subscription_event_pattern`.
pub async fn patterns(tx: &mut Tx, organization: &OrganizationId) -> Result<Vec<(EventType, StoredEndpoint)>> {
    const SQL: &str = concat!(
        "select subscription_event.event_type, ",
        columns!(),
        " from subscription_event
          join subscription on subscription.id = subscription_event.subscription_id
         where subscription_event.organization_id = $1 and is_pattern and is_active
         order by subscription.id, position"
    );
    let rows: Vec<PatternRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(organization.as_str()).fetch_all(conn).await)?;
    rows.into_iter().map(|row| Ok((EventType::stored(row.event_type), row.target.try_into()?))).collect()
}

/// One subscription as a target, active or not: what is owed is owed.
pub async fn target(tx: &mut Tx, organization: &OrganizationId, id: &SubscriptionId) -> Result<Option<StoredEndpoint>> {
    const SQL: &str = concat!("select ", columns!(), " from subscription where organization_id = $1 and id = $2");
    let row: Option<EndpointRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(StoredEndpoint::try_from).transpose()
}

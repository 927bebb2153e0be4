//! Endpoints of subscriptions, as routing and delivery need them, with the secrets still encrypted.

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

/// The endpoint of a subscription, its secrets and headers still encrypted.
#[derive(Clone, Debug)]
pub struct StoredEndpoint {
    pub id: SubscriptionId,
    /// The URL that events go to.
    pub webhook_url: String,
    /// Whether new events are routed to it.
    pub is_active: bool,
    /// Set while the host has the endpoint disabled.
    pub disabled: Option<Disabled>,
    /// The first failure since the last success; `None` while the endpoint works.
    pub failing_since: Option<Time>,
    pub terms: Terms,
    pub secret_encrypted: Vec<u8>,
    /// The secret before the present one, and until when it signs as well; `None` if none was replaced.
    pub previous_secret: Option<(Vec<u8>, Time)>,
    /// The static headers; `None` when there are none.
    pub headers_encrypted: Option<Vec<u8>>,
    /// Routing offers it emits that were accepted at this revision or later.
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
    endpoint: EndpointRow,
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
    rows.into_iter().map(|row| Ok((EventType::stored(row.event_type), row.endpoint.try_into()?))).collect()
}

/// The endpoint of a subscription, active or not, because deliveries that it is owed already still go to an
/// inactive one.
pub async fn endpoint(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &SubscriptionId,
) -> Result<Option<StoredEndpoint>> {
    const SQL: &str = concat!("select ", columns!(), " from subscription where organization_id = $1 and id = $2");
    let row: Option<EndpointRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(StoredEndpoint::try_from).transpose()
}

//! Subscriptions by the ten thousand, for measurements.

use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::id::{OrganizationId, SubscriptionId},
    error::Result,
};

/// Copies a subscription of the organization, each copy for an event type of its own: what
/// `weir bench` has in the table beside what it measures.
pub async fn copy(
    tx: &mut Tx,
    organization: &OrganizationId,
    original: &SubscriptionId,
    copies: &[(SubscriptionId, String)],
) -> Result<()> {
    const SUBSCRIPTIONS: Dialects = over_rows!(
        "insert into subscription (id, organization_id, name, webhook_url, is_active, secret_encrypted, created_at,
                                   updated_at)
         select item.value ->> 0, original.organization_id, original.name, original.webhook_url, original.is_active,
                original.secret_encrypted, original.created_at, original.updated_at
           from",
        "join subscription as original on original.id = $2 and original.organization_id = $3"
    );
    const EVENT_TYPES: Dialects = over_rows!(
        "insert into subscription_event (organization_id, subscription_id, position, event_type, is_pattern)
         select $2, item.value ->> 0, 0, item.value ->> 1, $3
           from",
        "where true"
    );
    let rows = codec::rows(copies)?;
    let (subscriptions, event_types) = (SUBSCRIPTIONS.pick(tx), EVENT_TYPES.pick(tx));
    on_db!(&mut *tx, |conn| sqlx::query(subscriptions)
        .bind(&rows)
        .bind(original.as_str())
        .bind(organization.as_str())
        .execute(conn)
        .await
        .map(|_| ()))?;
    on_db!(tx, |conn| sqlx::query(event_types)
        .bind(&rows)
        .bind(organization.as_str())
        .bind(false)
        .execute(conn)
        .await
        .map(|_| ()))
}

//! The health of a subscription's endpoint: since when it fails, and its disabling.

use crate::{
    db::{Tx, on_db, one_row},
    domain::{
        id::{OrganizationId, SubscriptionId},
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
};

/// Switches a subscription off because the host disables its endpoint, with the reason for its owner.
pub async fn disable(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &SubscriptionId,
    reason: &str,
    now: Time,
) -> Result<()> {
    const SQL: &str = "
        update subscription
           set is_active = false, disabled_at = $3, disabled_reason = $4, updated_at = $3
         where organization_id = $1 and id = $2";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .bind(now.as_millis())
        .bind(reason)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "subscription::disable")
}

/// Stores since when an endpoint fails; `None` when it works.
pub async fn set_failing_since(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &SubscriptionId,
    since: Option<Time>,
) -> Result<()> {
    const SQL: &str = "update subscription set failing_since = $3 where organization_id = $1 and id = $2";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .bind(since.map(Time::as_millis))
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "subscription::set_failing_since")
}

/// Whether a delivery to a receiver succeeded since a time: checked once before its endpoint is disabled,
/// because another host may have reached it. Served by `delivery_subscription`.
pub async fn has_succeeded_since(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: &ReceiverId,
    since: Time,
) -> Result<bool> {
    const SQL: &str = "
        select exists (select 1
                         from delivery
                        where organization_id = $1 and receiver_id = $2 and status = 'SUCCESS' and updated_at >= $3)";
    on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .bind(since.as_millis())
        .fetch_one(conn)
        .await)
}

//! Subscriptions that are still to get what was accepted before they were created.

use crate::{
    db::{Tx, on_db},
    domain::id::{EmitId, OrganizationId, SubscriptionId},
    error::Result,
};

/// A subscription that is behind.
#[derive(Clone, Debug)]
pub struct CatchingUp {
    /// The subscription.
    pub id: SubscriptionId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The emit up to which it has everything.
    pub after: EmitId,
    /// What was accepted from this revision on comes to it by itself.
    pub since_revision: i64,
}

/// The next active subscription by id that is behind, whosever it is: for the worker. Served by
/// `subscription_catching_up`.
pub async fn next_behind(tx: &mut Tx, after: &str) -> Result<Option<CatchingUp>> {
    const SQL: &str = "
        select id, organization_id, catch_up_after, since_revision
          from subscription
         where catch_up_after is not null and is_active and id > $1
         order by id
         limit 1";
    let row: Option<(String, String, String, i64)> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(after).fetch_optional(conn).await)?;
    Ok(row.map(|(id, organization, after, since_revision)| CatchingUp {
        id: SubscriptionId::stored(id),
        organization_id: OrganizationId::stored(organization),
        after: EmitId::stored(after),
        since_revision,
    }))
}

/// Notes up to which emit the subscription has everything, or that it has all there was. False
/// when it is not where it was any more: another host went on, or its owner changed it.
pub async fn advance(tx: &mut Tx, behind: &CatchingUp, to: Option<&EmitId>) -> Result<bool> {
    const SQL: &str = "
        update subscription
           set catch_up_after = $4
         where organization_id = $1 and id = $2 and catch_up_after = $3 and is_active";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(behind.organization_id.as_str())
        .bind(behind.id.as_str())
        .bind(behind.after.as_str())
        .bind(to.map(EmitId::as_str))
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

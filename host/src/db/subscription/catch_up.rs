//! Catching up: subscriptions that still get events accepted before they were created.

use crate::{
    db::{Dialects, Tx, on_db, over_rows},
    domain::id::{EmitId, OrganizationId, SubscriptionId},
    error::Result,
};

/// A subscription that is catching up.
#[derive(Clone, Debug)]
pub struct CatchingUp {
    pub id: SubscriptionId,
    pub organization_id: OrganizationId,
    /// The last emit for which it was considered.
    pub after: EmitId,
    /// Routing considers it for events accepted at this revision or later.
    pub since_revision: i64,
}

/// The next active subscription by id, of any organization, that is catching up. Served by
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

/// Stores that the subscription is caught up to an emit, or completely if `to` is `None`. False when the
/// row changed since it was read: another host advanced it, or its owner switched it off.
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

/// Those of some subscriptions that are catching up.
pub async fn catching_up(
    tx: &mut Tx,
    organization: &OrganizationId,
    ids: &[SubscriptionId],
) -> Result<Vec<SubscriptionId>> {
    const SQL: Dialects = over_rows!(
        "select id
           from subscription
          where organization_id = $2
            and catch_up_after is not null
            and id in (select item.value ->> 0 from",
        ")"
    );
    let (sql, ids) = (SQL.pick(tx), super::id_rows(ids)?);
    let found: Vec<String> =
        on_db!(tx, |conn| sqlx::query_scalar(sql).bind(&ids).bind(organization.as_str()).fetch_all(conn).await)?;
    Ok(found.into_iter().map(SubscriptionId::stored).collect())
}

//! Receivers in the database: a subscription has its row in one table, an external peer in another.

use std::collections::BTreeMap;

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{id::OrganizationId, receiver::ReceiverId, time::Time},
    error::Result,
};

/// Locks the row of a receiver, so that two hosts do not create the same delivery; false when the receiver is
/// gone.
pub async fn lock(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId) -> Result<bool> {
    // SQLite has one writer, so there is nothing to lock.
    const SUBSCRIPTION: Dialects = Dialects {
        sqlite: "select 1 from subscription where organization_id = $1 and id = $2",
        postgres: "select 1 from subscription where organization_id = $1 and id = $2 for update",
    };
    const PEER: Dialects = Dialects {
        sqlite: "
            select 1 from federation_member where organization_id = $1 and id = $2 and status <> 'removed'",
        postgres: "
            select 1 from federation_member where organization_id = $1 and id = $2 and status <> 'removed' for update",
    };
    let sql = if receiver.peer().is_some() { PEER } else { SUBSCRIPTION }.pick(tx);
    let found: Option<i32> = on_db!(tx, |conn| sqlx::query_scalar(sql)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .fetch_optional(conn)
        .await)?;
    Ok(found.is_some())
}

/// Stores since when endpoints of receivers fail; `None` when they work.
pub(super) async fn store_failing_since(tx: &mut Tx, changes: &BTreeMap<&ReceiverId, Option<Time>>) -> Result<()> {
    const SUBSCRIPTIONS: Dialects = over_rows!(
        "update subscription set failing_since = cast(item.value ->> 1 as bigint) from",
        "where subscription.id = item.value ->> 0"
    );
    const PEERS: Dialects = over_rows!(
        "update federation_member set failing_since = cast(item.value ->> 1 as bigint) from",
        "where federation_member.id = item.value ->> 0"
    );
    let row = |(receiver, since): (&&ReceiverId, &Option<Time>)| ((*receiver).clone(), since.map(Time::as_millis));
    let (peers, subscriptions): (Vec<_>, Vec<_>) =
        changes.iter().map(row).partition(|(receiver, _)| receiver.peer().is_some());
    for (sql, rows) in [(SUBSCRIPTIONS, subscriptions), (PEERS, peers)] {
        if rows.is_empty() {
            continue;
        }
        let (sql, rows) = (sql.pick(tx), codec::rows(&rows)?);
        on_db!(&mut *tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))?;
    }
    Ok(())
}

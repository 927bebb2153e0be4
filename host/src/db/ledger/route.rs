//! Writing a batch of routed emits: their new state and their deliveries, in two statements.

use std::collections::HashSet;

use super::{NewDelivery, Routed};
use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{delivery::Status, id::EmitId},
    error::Result,
};

/// Rows of one insert: a parameter of a few hundred kilobytes at most, however wide the fan-out.
const ROWS_PER_STATEMENT_MAX: usize = 2_000;

/// Gives the emits whose claim still held. Those of others were routed by somebody else since:
/// their deliveries are not written again.
pub(super) async fn route(tx: &mut Tx, routed: &[&Routed]) -> Result<Vec<EmitId>> {
    const SQL: Dialects = over_rows!(
        "update emit
            set routed_at = cast(item.value ->> 2 as bigint), due_at = null, error_message = null
           from",
        "where emit.id = item.value ->> 0
           and emit.claims = cast(item.value ->> 1 as bigint)
           and emit.routed_at is null
         returning emit.id"
    );
    if routed.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(&str, i64, i64)> =
        routed.iter().map(|r| (r.emit_id.as_str(), r.claims, r.routed_at.as_millis())).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let held: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&rows).fetch_all(conn).await)?;
    let held: HashSet<String> = held.into_iter().collect();
    let routed: Vec<&&Routed> = routed.iter().filter(|r| held.contains(r.emit_id.as_str())).collect();
    owe(tx, routed.iter().map(|routed| **routed)).await?;
    Ok(routed.into_iter().map(|r| r.emit_id.clone()).collect())
}

/// Writes the deliveries of emits that somebody routed before, to subscriptions that came later.
pub async fn owe(tx: &mut Tx, routed: impl IntoIterator<Item = &Routed>) -> Result<()> {
    let deliveries: Vec<(&Routed, &NewDelivery)> =
        routed.into_iter().flat_map(|r| r.deliveries.iter().map(move |delivery| (r, delivery))).collect();
    for some in deliveries.chunks(ROWS_PER_STATEMENT_MAX) {
        insert(tx, some).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, deliveries: &[(&Routed, &NewDelivery)]) -> Result<()> {
    // A subscription that was deleted since its event was routed is owed nothing any more.
    const SQL: Dialects = over_rows!(
        "insert into delivery (id, organization_id, emit_id, subscription_id, status, attributes, is_replay,
                               attempts_made, attempts_total, due_at, is_claimed, claims, created_at, updated_at)
         select item.value ->> 0, item.value ->> 1, item.value ->> 2, item.value ->> 3, item.value ->> 4,
                item.value ->> 5, false, 0, 0, cast(item.value ->> 6 as bigint),
                cast(item.value ->> 7 as boolean), cast(item.value ->> 8 as bigint),
                cast(item.value ->> 9 as bigint), cast(item.value ->> 9 as bigint)
           from",
        "where exists (select 1 from subscription where subscription.id = item.value ->> 3)"
    );
    let row = |(routed, delivery): &(&Routed, &NewDelivery)| -> Result<_> {
        let attributes = match &delivery.attributes[..] {
            [] => None,
            attributes => Some(codec::rows(attributes)?),
        };
        Ok((
            delivery.id.clone(),
            routed.organization_id.clone(),
            routed.emit_id.clone(),
            delivery.receiver.clone(),
            Status::Pending.as_str(),
            attributes,
            delivery.due_at.as_millis(),
            delivery.is_claimed,
            i64::from(delivery.is_claimed),
            routed.routed_at.as_millis(),
        ))
    };
    let rows: Vec<_> = deliveries.iter().map(row).collect::<Result<_>>()?;
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))
}

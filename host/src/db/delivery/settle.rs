//! Settles a batch of claims: writes the deliveries' new states, their attempts, the health of endpoints, and
//! log rows, in a handful of statements.

use std::collections::{BTreeMap, HashSet};

use crate::{
    db::{Dialects, Tx, codec, component, federation::relay_log, on_db, over_rows, receiver},
    domain::{
        delivery::{AttemptFailure, Settled},
        id::DeliveryId,
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
};

/// Settles claims and returns the deliveries whose claim still held. Of the others only the health of the
/// endpoint is written: another claim is responsible for them.
pub async fn settle(tx: &mut Tx, settled: &[&Settled]) -> Result<HashSet<DeliveryId>> {
    const SQL: Dialects = over_rows!(
        "update delivery
            set status = item.value ->> 2,
                due_at = cast(item.value ->> 3 as bigint),
                is_claimed = false,
                error_message = item.value ->> 4,
                attempts_made = attempts_made + cast(item.value ->> 5 as bigint),
                attempts_total = attempts_total + cast(item.value ->> 5 as bigint),
                updated_at = cast(item.value ->> 6 as bigint)
           from",
        "where delivery.id = item.value ->> 0
           and delivery.claims = cast(item.value ->> 1 as bigint)
           and delivery.is_claimed
         returning delivery.id"
    );
    if settled.is_empty() {
        return Ok(HashSet::new());
    }
    // Endpoints come before deliveries, because every transaction locks receivers first.
    store_health(tx, settled).await?;
    let row = |settled: &&Settled| {
        (
            settled.delivery_id.clone(),
            settled.claims,
            settled.status.as_str(),
            settled.due_at.map(Time::as_millis),
            settled.error_message.clone(),
            i64::from(settled.attempt.is_some()),
            settled.now.as_millis(),
        )
    };
    let rows: Vec<_> = settled.iter().map(row).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let held: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&rows).fetch_all(conn).await)?;
    let held: HashSet<DeliveryId> = held.into_iter().map(DeliveryId::stored).collect();
    let settled: Vec<&Settled> =
        settled.iter().copied().filter(|settled| held.contains(&settled.delivery_id)).collect();
    insert_attempts(tx, &settled).await?;
    relay_log::insert(tx, settled.iter().filter_map(|settled| settled.relay.as_ref())).await?;
    component::insert_logs(tx, settled.iter().flat_map(|settled| &settled.logs)).await?;
    Ok(held)
}

/// Stores changes in the health of endpoints. Of several changes of one endpoint the last one counts.
async fn store_health(tx: &mut Tx, settled: &[&Settled]) -> Result<()> {
    let changes: BTreeMap<&ReceiverId, Option<Time>> = settled
        .iter()
        .filter_map(|settled| settled.health.as_ref())
        .map(|(receiver, change)| (receiver, change.failing_since()))
        .collect();
    receiver::store_failing_since(tx, &changes).await
}

async fn insert_attempts(tx: &mut Tx, settled: &[&Settled]) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "insert into attempt (delivery_id, number, started_at, duration_ms, response_status, error_message,
                              response_snippet, fuel, failure)
         select item.value ->> 0, cast(item.value ->> 1 as bigint), cast(item.value ->> 2 as bigint),
                cast(item.value ->> 3 as bigint), cast(item.value ->> 4 as bigint), item.value ->> 5,
                item.value ->> 6, cast(item.value ->> 7 as bigint), item.value ->> 8
           from",
        "where true on conflict (delivery_id, number) do nothing"
    );
    let row = |settled: &&Settled| {
        let attempt = settled.attempt.as_ref()?;
        Some((
            settled.delivery_id.clone(),
            attempt.number,
            attempt.started_at.as_millis(),
            attempt.duration_ms,
            attempt.response_status,
            attempt.error_message.clone(),
            attempt.response_snippet.clone(),
            attempt.fuel,
            attempt.failure.map(AttemptFailure::as_str),
        ))
    };
    let rows: Vec<_> = settled.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))
}

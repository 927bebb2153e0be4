//! Recording a batch of attempts: the deliveries' new states and the attempt rows, in two
//! statements.

use std::collections::{BTreeMap, HashSet};

use super::Attempted;
use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{delivery::AttemptFailure, id::DeliveryId, receiver::ReceiverId, time::Time},
    error::Result,
};

/// Gives the deliveries whose claim still held. Of the others nothing is recorded: somebody else
/// has them, and records for them.
pub(super) async fn record(tx: &mut Tx, attempts: &[&Attempted]) -> Result<Vec<DeliveryId>> {
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
    if attempts.is_empty() {
        return Ok(Vec::new());
    }
    store_turns(tx, attempts).await?;
    let row = |attempted: &&Attempted| {
        (
            attempted.delivery_id.clone(),
            attempted.claims,
            attempted.status.as_str(),
            attempted.due_at.map(Time::as_millis),
            attempted.error_message.clone(),
            i64::from(attempted.attempt.is_some()),
            attempted.now.as_millis(),
        )
    };
    let rows: Vec<_> = attempts.iter().map(row).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let held: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&rows).fetch_all(conn).await)?;
    let held: HashSet<String> = held.into_iter().collect();
    let attempts: Vec<&Attempted> =
        attempts.iter().copied().filter(|attempted| held.contains(attempted.delivery_id.as_str())).collect();
    insert(tx, &attempts).await?;
    Ok(attempts.into_iter().map(|attempted| attempted.delivery_id.clone()).collect())
}

/// Stores since when endpoints fail, if any began to or recovered. Before the deliveries, because
/// everybody locks receivers first.
async fn store_turns(tx: &mut Tx, attempts: &[&Attempted]) -> Result<()> {
    const SUBSCRIPTIONS: Dialects = over_rows!(
        "update subscription set failing_since = cast(item.value ->> 1 as bigint) from",
        "where subscription.id = item.value ->> 0"
    );
    const PEERS: Dialects = over_rows!(
        "update federation_member set failing_since = cast(item.value ->> 1 as bigint) from",
        "where federation_member.id = item.value ->> 0"
    );
    // Of several turns of one endpoint the last one counts.
    let turns: BTreeMap<&ReceiverId, Option<i64>> = attempts
        .iter()
        .filter_map(|attempted| {
            let (receiver, turn) = attempted.turn.as_ref()?;
            Some((receiver, turn.failing_since().map(Time::as_millis)))
        })
        .collect();
    let (peers, subscriptions): (Vec<_>, Vec<_>) =
        turns.into_iter().partition(|(receiver, _)| receiver.peer().is_some());
    for (sql, rows) in [(SUBSCRIPTIONS, subscriptions), (PEERS, peers)] {
        if rows.is_empty() {
            continue;
        }
        let (sql, rows) = (sql.pick(tx), codec::rows(&rows)?);
        on_db!(&mut *tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, attempts: &[&Attempted]) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "insert into attempt (delivery_id, number, started_at, duration_ms, response_status, error_message,
                              response_snippet, fuel, failure)
         select item.value ->> 0, cast(item.value ->> 1 as bigint), cast(item.value ->> 2 as bigint),
                cast(item.value ->> 3 as bigint), cast(item.value ->> 4 as bigint), item.value ->> 5,
                item.value ->> 6, cast(item.value ->> 7 as bigint), item.value ->> 8
           from",
        "where true on conflict (delivery_id, number) do nothing"
    );
    let row = |attempted: &&Attempted| {
        let attempt = attempted.attempt.as_ref()?;
        Some((
            attempted.delivery_id.clone(),
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
    let rows: Vec<_> = attempts.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))
}

//! Inserting deliveries: the one place for routing, relays, replays and catching up.

use std::collections::HashSet;

use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{
        delivery::{New, Start, Status},
        id::{DeliveryId, EmitId, OrganizationId},
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
};

/// Rows of one statement: a parameter of a few hundred kilobytes, however many deliveries an event has.
const ROWS_PER_STATEMENT_MAX: usize = 2_000;

/// Inserts deliveries and gives the ids of those that are in. A receiver that was removed meanwhile is owed nothing: its deliveries are left out.
pub async fn insert(tx: &mut Tx, new: &[&New]) -> Result<HashSet<DeliveryId>> {
    const SQL: Dialects = over_rows!(
        "insert into delivery (id, organization_id, emit_id, receiver_id, push_id, program_id, status, attributes,
                               is_replay, attempts_made, attempts_total, due_at, is_claimed, claims, error_message,
                               created_at, updated_at)
         select item.value ->> 0, item.value ->> 1, item.value ->> 2, item.value ->> 3, item.value ->> 4,
                item.value ->> 5, item.value ->> 6, item.value ->> 7, cast(item.value ->> 8 as boolean), 0, 0,
                cast(item.value ->> 9 as bigint), cast(item.value ->> 10 as boolean),
                cast(item.value ->> 11 as bigint), item.value ->> 12, cast(item.value ->> 13 as bigint),
                cast(item.value ->> 13 as bigint)
           from",
        "where exists (select 1 from subscription where subscription.id = item.value ->> 3)
            or exists (select 1
                         from federation_member as peer
                        where peer.id = item.value ->> 3
                          and (peer.status <> 'removed' or item.value ->> 6 = 'FAILED'))"
    );
    const FIND: Dialects = over_rows!("select delivery.id from", "join delivery on delivery.id = item.value ->> 0");
    let mut inserted = HashSet::with_capacity(new.len());
    for some in new.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<_> = some.iter().map(|new| row(new)).collect::<Result<_>>()?;
        let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
        let count =
            on_db!(&mut *tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|done| done.rows_affected()))?;
        // A number is one message from the database, ids are one each: they are asked for only if some
        // were left out, which is rare.
        if count == some.len() as u64 {
            inserted.extend(some.iter().map(|new| new.id.clone()));
            continue;
        }
        let sql = FIND.pick(tx);
        let ids: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&rows).fetch_all(conn).await)?;
        inserted.extend(ids.into_iter().map(DeliveryId::stored));
    }
    Ok(inserted)
}

/// The columns of a delivery in the order of the statement above.
fn row(new: &New) -> Result<impl serde::Serialize + '_> {
    let attributes = match &new.attributes[..] {
        [] => None,
        attributes => Some(codec::rows(attributes)?),
    };
    let (due_at, is_claimed, refusal) = match new.start {
        Start::Due(at) => (Some(at), false, None),
        Start::Claimed(until) => (Some(until), true, None),
        Start::Refused(reason) => (None, false, Some(reason)),
    };
    let status = if refusal.is_some() { Status::Failed } else { Status::Pending };
    Ok((
        &new.id,
        &new.organization_id,
        &new.emit_id,
        &new.receiver,
        &new.push_id,
        &new.program_id,
        status.as_str(),
        attributes,
        new.is_replay,
        due_at.map(Time::as_millis),
        is_claimed,
        i64::from(is_claimed),
        refusal,
        new.now.as_millis(),
    ))
}

/// Which of these emits a receiver has a delivery of; served by `delivery_emit`.
pub async fn owed_already(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: &ReceiverId,
    emits: &[&EmitId],
) -> Result<HashSet<EmitId>> {
    const SQL: Dialects = over_rows!(
        "select emit_id
           from delivery
          where organization_id = $2
            and receiver_id = $3
            and emit_id in (select item.value ->> 0 from",
        ")"
    );
    if emits.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<[&EmitId; 1]> = emits.iter().map(|id| [*id]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let found: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(sql)
        .bind(&ids)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .fetch_all(conn)
        .await)?;
    Ok(found.into_iter().map(EmitId::stored).collect())
}

//! Deletes old events, deliveries, attempts and relays that are finished, some rows at a time.
//!
//! Old rows are found in transactions that only read, and deleted in short ones that check again: a dead
//! letter may have been replayed in between.

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{
        id::{DeliveryId, EmitId, RelayId},
        time::Time,
    },
    error::Result,
};

/// The bounds within which events are old.
#[derive(Clone, Copy, Debug)]
pub struct OldEvents<'a> {
    /// The id of the last event that was looked at before.
    pub after: &'a str,
    /// Old events were accepted before this time.
    pub before: Time,
    /// Old events have no dead letter that changed at this time or later.
    pub dead_letters_before: Time,
    /// How many events to look at.
    pub page: u32,
}

/// An event that may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldEvent {
    pub id: String,
    /// The number of its deliveries.
    pub deliveries: i64,
}

/// The rows of a page that may be deleted, and where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The rows that may be deleted, in order of their ids.
    pub old: Vec<T>,
    /// The id of the last row that was looked at; `None` when there was none.
    pub last: Option<String>,
}

/// Looks through a page of old events. An event stays while it waits for routing or relaying, while one of
/// its deliveries is not finished, and while a dead letter of it is young enough to be replayed.
pub async fn old_events(tx: &mut Tx, wanted: OldEvents<'_>) -> Result<Found<OldEvent>> {
    // Ids sort by time, so old events are a range of the primary key.
    const SQL: &str = "
        select emit.id,
               (select count(*) from delivery where delivery.emit_id = emit.id),
               emit.routed_at is not null
               and not exists (select 1
                                 from federation_fan_out
                                where federation_fan_out.organization_id = emit.organization_id
                                  and federation_fan_out.emit_id = emit.id)
               and not exists (select 1
                                 from delivery
                                where delivery.emit_id = emit.id
                                  and (delivery.due_at is not null
                                       or (delivery.status = 'FAILED' and delivery.updated_at >= $3)))
          from emit
         where emit.id > $1 and emit.id < $2
         order by emit.id
         limit $4";
    let before = EmitId::new(wanted.before, 0);
    let page: Vec<(String, i64, bool)> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(wanted.after)
        .bind(before.as_str())
        .bind(wanted.dead_letters_before.as_millis())
        .bind(i64::from(wanted.page))
        .fetch_all(conn)
        .await)?;
    let last = page.last().map(|(id, ..)| id.clone());
    let old = page.into_iter().filter(|(.., may_go)| *may_go).map(|(id, deliveries, _)| OldEvent { id, deliveries });
    Ok(Found { old: old.collect(), last })
}

/// Deletes events with their deliveries and attempts, and gives the number of deleted events. An event of
/// which a delivery was replayed since it was found stays. The answer of an idempotency key is moved to
/// `emit_key`, because a key is valid for ever (contract 1.11).
pub async fn delete_events(tx: &mut Tx, ids: &[&str], dead_letters_before: Time) -> Result<u64> {
    const DELIVERIES: Dialects = over_rows!(
        "delete from delivery
          where emit_id in (select item.value ->> 0 from",
        ")
            and due_at is null
            and (status <> 'FAILED' or updated_at < $2)
         returning id"
    );
    const KEYS: Dialects = over_rows!(
        "insert into emit_key (organization_id, idempotency_key, emit_id, namespace, name, version, request_hash)
         select emit.organization_id, emit.idempotency_key, emit.id, emit.namespace, emit.name, emit.version,
                emit.request_hash
           from",
        "join emit on emit.id = item.value ->> 0
          where emit.idempotency_key is not null
            and not exists (select 1 from delivery where delivery.emit_id = emit.id)
         on conflict (organization_id, idempotency_key) do nothing"
    );
    const EMITS: Dialects = over_rows!(
        "delete from emit
          where id in (select item.value ->> 0 from",
        ")
            and routed_at is not null
            and not exists (select 1 from delivery where delivery.emit_id = emit.id)"
    );
    let rows = codec::rows(&ids.iter().map(|id| [id]).collect::<Vec<_>>())?;
    let sql = DELIVERIES.pick(tx);
    let deliveries: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(sql)
        .bind(&rows)
        .bind(dead_letters_before.as_millis())
        .fetch_all(conn)
        .await)?;
    delete_attempts(tx, &deliveries).await?;
    let mut deleted = 0;
    for sql in [KEYS, EMITS] {
        let sql = sql.pick(tx);
        deleted =
            on_db!(&mut *tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|done| done.rows_affected()))?;
    }
    Ok(deleted)
}

/// Deletes at most `rows_max` deliveries of an event that has too many for one transaction, and gives
/// their number.
pub async fn delete_deliveries(tx: &mut Tx, emit: &str, dead_letters_before: Time, rows_max: i64) -> Result<usize> {
    const SQL: &str = "
        delete from delivery
         where id in (select id
                        from delivery
                       where emit_id = $1 and due_at is null and (status <> 'FAILED' or updated_at < $2)
                       limit $3)
           and due_at is null
        returning id";
    let ids: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(SQL)
        .bind(emit)
        .bind(dead_letters_before.as_millis())
        .bind(rows_max)
        .fetch_all(conn)
        .await)?;
    delete_attempts(tx, &ids).await?;
    Ok(ids.len())
}

/// Looks through a page of old deliveries for those whose attempts may be deleted: they are finished, and
/// no dead letters.
pub async fn old_deliveries(tx: &mut Tx, after: &str, before: Time, page: u32) -> Result<Found<String>> {
    const SQL: &str = "
        select id, due_at is null and status <> 'FAILED'
          from delivery
         where id > $1 and id < $2
         order by id
         limit $3";
    let before = DeliveryId::new(before, 0);
    let found: Vec<(String, bool)> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(after)
        .bind(before.as_str())
        .bind(i64::from(page))
        .fetch_all(conn)
        .await)?;
    let last = found.last().map(|(id, _)| id.clone());
    let old = found.into_iter().filter(|(_, is_finished)| *is_finished).map(|(id, _)| id).collect();
    Ok(Found { old, last })
}

/// Deletes the attempts of deliveries, and gives their number. The deliveries stay, with the status in
/// which they ended.
pub async fn delete_attempts(tx: &mut Tx, deliveries: &[String]) -> Result<u64> {
    const SQL: Dialects = over_rows!("delete from attempt where delivery_id in (select item.value ->> 0 from", ")");
    if deliveries.is_empty() {
        return Ok(0);
    }
    let rows = codec::rows(&deliveries.iter().map(|id| [id]).collect::<Vec<_>>())?;
    let sql = SQL.pick(tx);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|done| done.rows_affected()))
}

/// Deletes at most `rows_max` old rows of the relay log, the oldest first, and gives their number.
pub async fn delete_relays(tx: &mut Tx, before: Time, rows_max: i64) -> Result<u64> {
    // Ids sort by time.
    const SQL: &str = "
        delete from federation_relay_log
         where id in (select id from federation_relay_log where id < $1 order by id limit $2)";
    let before = RelayId::new(before, 0);
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(before.as_str())
        .bind(rows_max)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))
}

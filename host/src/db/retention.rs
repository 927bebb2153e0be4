//! Deleting what is old and owed to nobody, a little at a time.

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{
        id::{DeliveryId, EmitId},
        time::Time,
    },
    error::Result,
};

/// What may be deleted, and how much of it in one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'a> {
    /// Events up to here were looked at before.
    pub after: &'a str,
    /// Only events accepted before this time.
    pub events_before: Time,
    /// Only dead letters that last changed before this time: they can be replayed until then.
    pub dead_letters_before: Time,
    /// Events looked at.
    pub page: u32,
    /// Deliveries deleted, about.
    pub rows_max: i64,
}

/// How far a sweep came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The last event that was looked at; `None` when there is no further one.
    pub last: Option<String>,
    /// Events deleted.
    pub deleted: u64,
}

/// An event that is old enough, with how many deliveries it has and whether anything keeps it.
type OldEvent = (String, i64, bool);

/// Deletes a page of old events with their deliveries and attempts. What still waits for routing,
/// is owed to somebody, or is a dead letter that can be replayed stays. Of an idempotency key its
/// answer stays: it is valid for ever (contract 1.11).
pub async fn sweep_events(tx: &mut Tx, sweep: Sweep<'_>) -> Result<Swept> {
    // Ids sort by time, so old events are a range of the primary key.
    const PAGE: &str = "
        select emit.id,
               (select count(*) from delivery where delivery.emit_id = emit.id),
               emit.routed_at is null
               or exists (select 1
                            from delivery
                           where delivery.emit_id = emit.id
                             and (delivery.due_at is not null
                                  or (delivery.status = 'FAILED' and delivery.updated_at >= $3)))
          from emit
         where emit.id > $1 and emit.id < $2
         order by emit.id
         limit $4";
    let before = EmitId::new(sweep.events_before, 0);
    let page: Vec<OldEvent> = on_db!(&mut *tx, |conn| sqlx::query_as(PAGE)
        .bind(sweep.after)
        .bind(before.as_str())
        .bind(sweep.dead_letters_before.as_millis())
        .bind(i64::from(sweep.page))
        .fetch_all(conn)
        .await)?;
    let is_last_page = page.len() < sweep.page as usize;
    let (mut deletable, mut room, mut last) = (Vec::new(), sweep.rows_max, None);
    let mut is_cut = false;
    for (id, deliveries, is_kept) in page {
        if !is_kept {
            if deliveries > room {
                is_cut = true;
                if deletable.is_empty() {
                    // One event with more deliveries than fit: some of them now, the rest next time.
                    delete_some_deliveries(tx, &id, sweep.rows_max).await?;
                }
                break;
            }
            room -= deliveries;
            deletable.push([id.clone()]);
        }
        last = Some(id);
    }
    let deleted = delete_events(tx, &deletable).await?;
    let last = if is_cut { Some(last.unwrap_or_else(|| sweep.after.to_owned())) } else { last.filter(|_| !is_last_page) };
    Ok(Swept { last, deleted })
}

async fn delete_events(tx: &mut Tx, ids: &[[String; 1]]) -> Result<u64> {
    const KEYS: Dialects = over_rows!(
        "insert into emit_key (organization_id, idempotency_key, emit_id, namespace, name, version, request_hash)
         select emit.organization_id, emit.idempotency_key, emit.id, emit.namespace, emit.name, emit.version,
                emit.request_hash
           from",
        "join emit on emit.id = item.value ->> 0
          where emit.idempotency_key is not null
         on conflict (organization_id, idempotency_key) do nothing"
    );
    const ATTEMPTS: Dialects = over_rows!(
        "delete from attempt
          where delivery_id in (select delivery.id
                                  from",
        "join delivery on delivery.emit_id = item.value ->> 0)"
    );
    const DELIVERIES: Dialects =
        over_rows!("delete from delivery where emit_id in (select item.value ->> 0 from", ")");
    const EMITS: Dialects = over_rows!("delete from emit where id in (select item.value ->> 0 from", ")");
    if ids.is_empty() {
        return Ok(0);
    }
    let rows = codec::rows(ids)?;
    let mut deleted = 0;
    for sql in [KEYS, ATTEMPTS, DELIVERIES, EMITS] {
        let sql = sql.pick(tx);
        deleted = on_db!(&mut *tx, |conn| sqlx::query(sql)
            .bind(&rows)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()))?;
    }
    Ok(deleted)
}

async fn delete_some_deliveries(tx: &mut Tx, emit: &str, rows_max: i64) -> Result<()> {
    const IDS: &str = "select id from delivery where emit_id = $1 limit $2";
    const ATTEMPTS: Dialects = over_rows!("delete from attempt where delivery_id in (select item.value ->> 0 from", ")");
    const DELIVERIES: Dialects = over_rows!("delete from delivery where id in (select item.value ->> 0 from", ")");
    let ids: Vec<String> =
        on_db!(&mut *tx, |conn| sqlx::query_scalar(IDS).bind(emit).bind(rows_max).fetch_all(conn).await)?;
    let rows = codec::rows(&ids.into_iter().map(|id| [id]).collect::<Vec<_>>())?;
    for sql in [ATTEMPTS, DELIVERIES] {
        let sql = sql.pick(tx);
        on_db!(&mut *tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))?;
    }
    Ok(())
}

/// Deletes the attempts of a page of old deliveries that are finished and are no dead letters. The
/// deliveries stay, and say how they ended.
pub async fn sweep_attempts(tx: &mut Tx, after: &str, before: Time, page: u32) -> Result<Swept> {
    const PAGE: &str = "
        select id, due_at is null and status <> 'FAILED'
          from delivery
         where id > $1 and id < $2
         order by id
         limit $3";
    const ATTEMPTS: Dialects = over_rows!("delete from attempt where delivery_id in (select item.value ->> 0 from", ")");
    let before = DeliveryId::new(before, 0);
    let found: Vec<(String, bool)> = on_db!(&mut *tx, |conn| sqlx::query_as(PAGE)
        .bind(after)
        .bind(before.as_str())
        .bind(i64::from(page))
        .fetch_all(conn)
        .await)?;
    let last = found.last().map(|(id, _)| id.clone());
    let finished: Vec<[String; 1]> =
        found.into_iter().filter(|(_, is_finished)| *is_finished).map(|(id, _)| [id]).collect();
    let (sql, rows) = (ATTEMPTS.pick(tx), codec::rows(&finished)?);
    let deleted =
        on_db!(tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|done| done.rows_affected()))?;
    Ok(Swept { last, deleted })
}

//! Components: their code by digest, and the lines that they wrote.

use weir_runtime::Digest;

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{component::LogEntry, time::Time},
    error::Result,
};

/// Stores a component; one that is stored already stays as it is.
pub async fn insert(tx: &mut Tx, digest: &Digest, name: &str, world: &str, wasm: &[u8], now: Time) -> Result<()> {
    const SQL: &str = "
        insert into component (digest, name, world, wasm, created_at)
        values ($1, $2, $3, $4, $5)
        on conflict (digest) do nothing";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(digest.to_string())
        .bind(name)
        .bind(world)
        .bind(wasm)
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// The WebAssembly of a component; `None` if it is not stored.
pub async fn wasm(tx: &mut Tx, digest: &Digest) -> Result<Option<Vec<u8>>> {
    const SQL: &str = "select wasm from component where digest = $1";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(digest.to_string()).fetch_optional(conn).await)
}

/// Stores lines that components wrote.
pub(super) async fn insert_logs<'a>(tx: &mut Tx, logs: impl IntoIterator<Item = &'a LogEntry>) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "insert into component_log (organization_id, component, emit_id, delivery_id, attempt, level, message,
                                    created_at)
         select item.value ->> 0, item.value ->> 1, item.value ->> 2, item.value ->> 3,
                cast(item.value ->> 4 as bigint), item.value ->> 5, item.value ->> 6,
                cast(item.value ->> 7 as bigint)
           from",
        "where true"
    );
    let row = |log: &'a LogEntry| {
        let (delivery, attempt) = log.attempt.as_ref().map_or((None, None), |(id, number)| (Some(id), Some(number)));
        let component = log.component.to_string();
        (&log.organization_id, component, &log.emit_id, delivery, attempt, log.level, &log.message, log.at.as_millis())
    };
    let rows: Vec<_> = logs.into_iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))
}

/// Deletes lines that were written before a time, the oldest first and about `rows_max` of them, and returns
/// their number.
pub async fn delete_logs(tx: &mut Tx, before: Time, rows_max: i64) -> Result<u64> {
    // A `delete` has no limit in PostgreSQL, and in SQLite only by an option of its build, so the time of the
    // last line to go is looked up first.
    const SQL: &str = "
        delete from component_log
         where created_at < $1
           and created_at <= coalesce((select created_at
                                         from component_log
                                        where created_at < $1
                                        order by created_at
                                        limit 1 offset $2),
                                      $1)";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(before.as_millis())
        .bind(rows_max)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))
}

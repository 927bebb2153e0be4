//! The active root key, and the root keys with which data keys are wrapped.

use super::{Dialects, Tx, codec, on_db};
use crate::{
    domain::{id::OrganizationId, time::Time, vault::KeyId},
    error::Result,
};

/// The root key that wraps new data keys.
#[derive(Clone, Copy, Debug)]
pub struct ActiveKey {
    pub id: KeyId,
    pub activated_at: Time,
}

/// The active root key; `None` in a database on which no host ever started.
pub async fn active(tx: &mut Tx) -> Result<Option<ActiveKey>> {
    const SQL: &str = "select key_id, activated_at from root_key where slot = 'active'";
    let row: Option<(String, i64)> = on_db!(tx, |conn| sqlx::query_as(SQL).fetch_optional(conn).await)?;
    row.map(active_key).transpose()
}

/// Reads the active root key and locks it, so that it stays active until the transaction ends.
pub async fn hold_active(tx: &mut Tx) -> Result<Option<ActiveKey>> {
    // SQLite has one writer, and this is it.
    const SQL: Dialects = Dialects {
        sqlite: "select key_id, activated_at from root_key where slot = 'active'",
        postgres: "select key_id, activated_at from root_key where slot = 'active' for share",
    };
    let sql = SQL.pick(tx);
    let row: Option<(String, i64)> = on_db!(tx, |conn| sqlx::query_as(sql).fetch_optional(conn).await)?;
    row.map(active_key).transpose()
}

fn active_key((key_id, activated_at): (String, i64)) -> Result<ActiveKey> {
    let id = codec::sound(KeyId::parse(&key_id), "root_key", "key_id", &key_id)?;
    Ok(ActiveKey { id, activated_at: codec::time(activated_at) })
}

/// Makes a root key the active one, unless there is an active one.
pub async fn activate_first(tx: &mut Tx, id: KeyId, now: Time) -> Result<()> {
    const SQL: &str = "
        insert into root_key (slot, key_id, activated_at)
        values ('active', $1, $2)
        on conflict (slot) do nothing";
    on_db!(tx, |conn| sqlx::query(SQL).bind(id.to_string()).bind(now.as_millis()).execute(conn).await.map(|_| ()))
}

/// Makes a root key the active one; false when it is active already.
pub async fn activate(tx: &mut Tx, id: KeyId, now: Time) -> Result<bool> {
    const SQL: &str = "
        update root_key
           set key_id = $1, activated_at = $2
         where slot = 'active' and key_id <> $1";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(id.to_string())
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(touched == 1)
}

/// How many data keys a root key wraps.
#[derive(Clone, Debug)]
pub struct Usage {
    /// The root key.
    pub id: KeyId,
    /// The number of organizations whose data keys it wraps.
    pub organizations: i64,
    /// One of these organizations.
    pub example: OrganizationId,
}

/// Every root key that wraps a data key. Reads all organizations: for the start and for operators.
pub async fn usage(tx: &mut Tx) -> Result<Vec<Usage>> {
    // A sealed text has the key's id after the version byte: see `domain/vault.rs`.
    const SQL: &str = "
        select substr(data_key, 2, 4), count(*), min(id)
          from organization
         group by substr(data_key, 2, 4)
         order by 2 desc, 1";
    let rows: Vec<(Vec<u8>, i64, String)> = on_db!(tx, |conn| sqlx::query_as(SQL).fetch_all(conn).await)?;
    let usage = |(id, organizations, example): (Vec<u8>, i64, String)| {
        let id = codec::sound(KeyId::from_bytes(&id), "organization", "data_key", &example)?;
        Ok(Usage { id, organizations, example: OrganizationId::stored(example) })
    };
    rows.into_iter().map(usage).collect()
}

/// The next organizations after `after`, by id, whose data keys another root key wraps.
pub async fn wrapped_otherwise(
    tx: &mut Tx,
    active: KeyId,
    after: &str,
    limit: i64,
) -> Result<Vec<(OrganizationId, Vec<u8>)>> {
    const SQL: &str = "
        select id, data_key
          from organization
         where id > $1 and substr(data_key, 2, 4) <> $2
         order by id
         limit $3";
    let rows: Vec<(String, Vec<u8>)> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(after).bind(active.as_bytes()).bind(limit).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|(id, data_key)| (OrganizationId::stored(id), data_key)).collect())
}

/// Replaces a wrapped data key; false when it changed since it was `read`.
pub async fn rewrap(tx: &mut Tx, organization: &OrganizationId, read: &[u8], wrapped: &[u8]) -> Result<bool> {
    const SQL: &str = "update organization set data_key = $3 where id = $1 and data_key = $2";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(read)
        .bind(wrapped)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(touched == 1)
}

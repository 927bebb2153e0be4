//! Which built-in components hosts had, and since when: the host's own code changes with it.

use sqlx::FromRow;

use weir_runtime::{BuiltIn, Digest};

use super::{Tx, codec, on_db};
use crate::{domain::time::Time, error::Result};

/// A built-in component that some host had.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The name, [`BuiltIn::as_str`].
    pub name: String,
    /// SHA-256 of its bytes, in hex.
    pub digest: String,
    /// Since when.
    pub since: Time,
}

#[derive(FromRow)]
struct BuiltinRow {
    name: String,
    digest: String,
    since: i64,
}

/// Notes that a host has this component from now on; a digest that is known keeps its time.
pub async fn note(tx: &mut Tx, builtin: BuiltIn, digest: Digest, now: Time) -> Result<()> {
    const SQL: &str = "
        insert into builtin_component (name, digest, since)
        values ($1, $2, $3)
        on conflict (name, digest) do nothing";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(builtin.as_str())
        .bind(digest.to_string())
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// All of them: one for each release that changed a component.
pub async fn list(tx: &mut Tx) -> Result<Vec<Noted>> {
    const SQL: &str = "select name, digest, since from builtin_component order by since";
    let rows: Vec<BuiltinRow> = on_db!(tx, |conn| sqlx::query_as(SQL).fetch_all(conn).await)?;
    let builtin = |row: BuiltinRow| Noted { name: row.name, digest: row.digest, since: codec::time(row.since) };
    Ok(rows.into_iter().map(builtin).collect())
}

//! Migrations: embedded, numbered alike for both databases, and never edited once released.

use sqlx::{Connection, migrate::Migrator, raw_sql};

use super::{Db, Pools, from_sqlx};
use crate::error::{Error, Result};

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Takes away the limits of a session: a migration takes as long as its tables are large, and waits for the
/// one of another host.
const NO_LIMITS: &str = "set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0";

/// Brings the database to this host's level. Hosts that do so at the same time wait for each other.
pub async fn run(db: &Db) -> Result<()> {
    match &db.0 {
        Pools::Sqlite { writer, .. } => SQLITE.run(writer).await.map_err(Error::internal),
        Pools::Postgres(pool) => {
            let mut session = pool.acquire().await.map_err(from_sqlx)?.detach();
            raw_sql(NO_LIMITS).execute(&mut session).await.map_err(from_sqlx)?;
            POSTGRES.run(&mut session).await.map_err(Error::internal)?;
            session.close().await.map_err(from_sqlx)
        }
    }
}

/// The newest migration that this host knows.
pub fn level() -> i64 {
    SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0)
}

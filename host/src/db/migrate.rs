//! Migrations: embedded, numbered alike for both databases, and never edited once released.

use sqlx::migrate::Migrator;

use super::{Db, Pools};
use crate::error::{Error, Result};

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Brings the database to this host's level. Hosts that do so at the same time wait for each other.
pub async fn run(db: &Db) -> Result<()> {
    match &db.0 {
        Pools::Sqlite { writer, .. } => SQLITE.run(writer).await,
        Pools::Postgres(pool) => POSTGRES.run(pool).await,
    }
    .map_err(Error::internal)
}

/// The newest migration that this host knows.
pub fn level() -> i64 {
    SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0)
}

//! The host's database, filled directly: rows that the API would make too slowly, or not at all
//! because they are old.
//!
//! One text of SQL serves SQLite and PostgreSQL.

use anyhow::Result;
use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use weir::{
    db::Location,
    domain::{
        id::{DeliveryId, EmitId},
        time::Time,
    },
};

/// Old events that one statement inserts.
const EVENTS_AT_ONCE: u32 = 5_000;
/// Characters of an id up to the end of its time. Sixteen digits make it whole.
const ID_TIME_END: usize = "evt_".len() + 10;

/// A connection.
pub(crate) enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs one expression with `$connection` bound to the connection to either database.
macro_rules! on_either {
    ($database:expr, |$connection:ident| $body:expr) => {
        match $database {
            Database::Sqlite($connection) => $body,
            Database::Postgres($connection) => $body,
        }
    };
}

impl Database {
    pub(crate) async fn connect(location: &Location) -> Result<Self> {
        Ok(match location {
            Location::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path);
                Self::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            Location::Postgres(url) => Self::Postgres(PgConnection::connect(url).await?),
        })
    }

    pub(crate) async fn close(self) -> Result<()> {
        on_either!(self, |connection| connection.close().await?);
        Ok(())
    }

    /// Copies a subscription so many times, each copy for an event type of its own.
    pub(crate) async fn copy_subscription(&mut self, organization: &str, original: &str, copies: u32) -> Result<()> {
        const SUBSCRIPTIONS: &str = "
            insert into subscription (id, organization_id, name, webhook_url, is_active, secret_encrypted, created_at,
                                      updated_at)
            with recursive copy (number) as (
                select cast(1 as bigint) union all select number + 1 from copy where number < $1
            )
            select $2 || cast(1000000000000000 + copy.number as text), original.organization_id, original.name,
                   original.webhook_url, original.is_active, original.secret_encrypted, original.created_at,
                   original.updated_at
              from copy
              join subscription as original on original.id = $3 and original.organization_id = $4";
        const EVENT_TYPES: &str = "
            insert into subscription_event (organization_id, subscription_id, position, event_type, is_pattern)
            with recursive copy (number) as (
                select cast(1 as bigint) union all select number + 1 from copy where number < $1
            )
            select $3, $2 || cast(1000000000000000 + copy.number as text), 0,
                   'TENANT_CUSTOM:' || $3 || ':other.event-' || cast(copy.number as text) || '@1.0.0', false
              from copy";
        let (copies, id_head) = (i64::from(copies), id_head(original));
        on_either!(self, |connection| {
            let subscriptions = sqlx::query(SUBSCRIPTIONS).bind(copies).bind(id_head).bind(original).bind(organization);
            subscriptions.execute(&mut *connection).await?;
            let event_types = sqlx::query(EVENT_TYPES).bind(copies).bind(id_head).bind(organization);
            event_types.execute(&mut *connection).await?;
        });
        Ok(())
    }

    /// Inserts events that were accepted and delivered at a time, each with its delivery and attempt.
    pub(crate) async fn insert_old_events(&mut self, accepted_at: Time, events: u32) -> Result<()> {
        const EMITS: &str = "
            insert into emit (id, organization_id, registration_id, namespace, name, version, payload, chain_depth,
                              emitted_by, accepted_at, routed_at, claims)
            with recursive old (number) as (
                select cast($1 as bigint) union all select number + 1 from old where number < $2
            )
            select $4 || cast(1000000000000000 + old.number as text), 'old', 'old', 'old', 'event', '1.0.0', '{}', 0,
                   'bench', $3, $3, 1
              from old";
        const DELIVERIES: &str = "
            insert into delivery (id, organization_id, emit_id, receiver_id, program_id, status, is_replay, attempts_made,
                                  attempts_total, is_claimed, claims, created_at, updated_at)
            with recursive old (number) as (
                select cast($1 as bigint) union all select number + 1 from old where number < $2
            )
            select $5 || cast(1000000000000000 + old.number as text), 'old',
                   $4 || cast(1000000000000000 + old.number as text), 'old', 'old', 'SUCCESS', false, 1, 1, false, 1, $3, $3
              from old";
        const ATTEMPTS: &str = "
            insert into attempt (delivery_id, number, started_at, duration_ms, response_status)
            with recursive old (number) as (
                select cast($1 as bigint) union all select number + 1 from old where number < $2
            )
            select $4 || cast(1000000000000000 + old.number as text), 1, $3, 1, 200
              from old";
        let (emit, delivery) = (EmitId::new(accepted_at, 0), DeliveryId::new(accepted_at, 0));
        let (emit, delivery, at) = (id_head(emit.as_str()), id_head(delivery.as_str()), accepted_at.as_millis());
        for first in (0..events).step_by(EVENTS_AT_ONCE as usize) {
            let last = i64::from(events.min(first + EVENTS_AT_ONCE) - 1);
            let first = i64::from(first);
            on_either!(self, |connection| {
                let emits = sqlx::query(EMITS).bind(first).bind(last).bind(at).bind(emit);
                emits.execute(&mut *connection).await?;
                let deliveries = sqlx::query(DELIVERIES).bind(first).bind(last).bind(at).bind(emit).bind(delivery);
                deliveries.execute(&mut *connection).await?;
                let attempts = sqlx::query(ATTEMPTS).bind(first).bind(last).bind(at).bind(delivery);
                attempts.execute(&mut *connection).await?;
            });
        }
        Ok(())
    }

    /// Whether an event of that time or an earlier one is still there.
    pub(crate) async fn has_old_events(&mut self, accepted_at: Time) -> Result<bool> {
        // Ids sort by time.
        const SQL: &str = "select count(*) from (select 1 from emit where id < $1 limit 1) as remaining";
        let end = EmitId::new(accepted_at.plus_millis(1), 0);
        let remaining: i64 = on_either!(self, |connection| sqlx::query_scalar(SQL)
            .bind(end.as_str())
            .fetch_one(&mut *connection)
            .await?);
        Ok(remaining > 0)
    }
}

/// Prefix and time of an id.
fn id_head(id: &str) -> &str {
    id.get(..ID_TIME_END).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use sqlx::Executor;
    use weir::db::{Db, migrate};

    use super::*;
    use crate::machine::Scratch;

    async fn count(database: &mut Database, table: &'static str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let counted = on_either!(database, |connection| sqlx::query_scalar(sql).fetch_one(&mut *connection).await);
        counted.expect("the table is there")
    }

    /// A database of the host without any rows.
    async fn migrated(scratch: &Scratch) -> Database {
        let location = Location::Sqlite(scratch.path().join("weir.db"));
        let db = Db::connect(&location).await.expect("it opens");
        migrate::run(&db).await.expect("the migrations run");
        db.close().await;
        Database::connect(&location).await.expect("it is there")
    }

    #[tokio::test]
    async fn inserted_rows_fit_the_tables_of_the_host() {
        let scratch = Scratch::new().expect("the temporary folder can be written");
        let mut database = migrated(&scratch).await;
        let original = "evs_01jd0000000000000000000000";
        // The organization that it belongs to is not there.
        let sql = "pragma foreign_keys = off;
                   insert into subscription (id, organization_id, name, webhook_url, is_active, secret_encrypted,
                                             created_at, updated_at)
                   values ('evs_01jd0000000000000000000000', 'org', 'one', 'http://localhost', true, x'00', 1, 1)";
        on_either!(&mut database, |connection| connection.execute(sql).await.map(drop)).expect("it fits");
        database.copy_subscription("org", original, 3).await.expect("copies fit");
        assert_eq!(
            (count(&mut database, "subscription").await, count(&mut database, "subscription_event").await),
            (4, 3)
        );

        let at = Time::from_millis(1_700_000_000_000);
        assert!(!database.has_old_events(at).await.expect("the table is there"));
        database.insert_old_events(at, EVENTS_AT_ONCE + 1).await.expect("old events fit");
        for table in ["emit", "delivery", "attempt"] {
            assert_eq!(count(&mut database, table).await, i64::from(EVENTS_AT_ONCE) + 1, "{table}");
        }
        assert!(database.has_old_events(at).await.expect("the table is there"));
        assert!(!database.has_old_events(at.plus_millis(-1)).await.expect("the table is there"));
        database.close().await.expect("it closes");
    }

    #[test]
    fn ids_that_are_made_here_have_the_length_of_others() {
        let id = EmitId::new(Time::from_millis(1_700_000_000_000), 7);
        let made = format!("{}{}", id_head(id.as_str()), 1_000_000_000_000_007_i64);
        assert_eq!(EmitId::parse(&made).map(|made| made.as_str().len()), Some(id.as_str().len()));
    }
}

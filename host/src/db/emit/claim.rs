//! Due emits: finds the organizations that have some, claims them for routing, and puts them back.

use super::{EmitRow, StoredEmit, columns};
use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{
        id::{EmitId, OrganizationId},
        time::Time,
    },
    error::Result,
};

/// The next `limit` organizations after `after`, by id, that have emits due for routing. Each costs two
/// look-ups in `emit_due`, however many emits it has.
pub async fn due_organizations(tx: &mut Tx, now: Time, after: &str, limit: u32) -> Result<Vec<OrganizationId>> {
    const SQL: &str = "
        with recursive lane (id, number) as (
            select min(organization_id), 1
              from emit
             where due_at is not null and organization_id > $1
            union all
            select (select min(next.organization_id)
                      from emit as next
                     where next.due_at is not null and next.organization_id > lane.id),
                   lane.number + 1
              from lane
             where lane.id is not null and lane.number < $3
        )
        select lane.id
          from lane
         where lane.id is not null
           and exists (select 1 from emit as due where due.organization_id = lane.id and due.due_at <= $2)
         order by lane.id";
    let ids: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(after)
        .bind(now.as_millis())
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    Ok(ids.into_iter().map(OrganizationId::stored).collect())
}

/// Claims up to `limit` due emits of an organization, the longest due first, until `lease_until`.
pub async fn claim_due(
    tx: &mut Tx,
    organization: &OrganizationId,
    now: Time,
    lease_until: Time,
    limit: u32,
) -> Result<Vec<StoredEmit>> {
    // SQLite has one writer; hosts on PostgreSQL must not wait for each other's rows.
    const SQL: Dialects = Dialects {
        sqlite: concat!(
            "with due as (select id from emit where organization_id = $4 and due_at <= $1
                          order by due_at limit $3)
            update emit
               set due_at = $2, claims = claims + 1
             where id in (select id from due)
            returning ",
            columns!()
        ),
        postgres: concat!(
            "with due as (select id from emit where organization_id = $4 and due_at <= $1
                          order by due_at limit $3 for update skip locked)
            update emit
               set due_at = $2, claims = claims + 1
             where id in (select id from due)
            returning ",
            columns!()
        ),
    };
    let sql = SQL.pick(tx);
    let rows: Vec<EmitRow> = on_db!(tx, |conn| sqlx::query_as(sql)
        .bind(now.as_millis())
        .bind(lease_until.as_millis())
        .bind(i64::from(limit))
        .bind(organization.as_str())
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(StoredEmit::try_from).collect()
}

/// Keeps emits that could not be routed from every worker until `due_at`, with the reason; an emit that
/// another claim has taken since is left alone.
pub async fn put_back(tx: &mut Tx, claims: &[(EmitId, i64)], due_at: Time, why: &str) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "update emit set due_at = $2, error_message = $3 from",
        "where emit.id = item.value ->> 0
           and emit.claims = cast(item.value ->> 1 as bigint)
           and emit.routed_at is null"
    );
    if claims.is_empty() {
        return Ok(());
    }
    let (sql, rows) = (SQL.pick(tx), codec::rows(claims)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).bind(due_at.as_millis()).bind(why).execute(conn).await.map(|_| ()))
}

/// Ends all leases at `now`: only the one owner of a database may do so, when it starts.
pub async fn end_leases(tx: &mut Tx, now: Time) -> Result<u64> {
    const SQL: &str = "update emit set due_at = $1 where due_at > $1";
    on_db!(tx, |conn| sqlx::query(SQL).bind(now.as_millis()).execute(conn).await.map(|done| done.rows_affected()))
}

/// The number of emits that wait for routing, and when the oldest was accepted.
pub async fn unrouted(tx: &mut Tx) -> Result<(i64, Option<Time>)> {
    const SQL: &str = "select count(*), min(accepted_at) from emit where due_at is not null";
    let (count, oldest): (i64, Option<i64>) = on_db!(tx, |conn| sqlx::query_as(SQL).fetch_one(conn).await)?;
    Ok((count, codec::time_opt(oldest)))
}

/// Whether an emit is due for routing, or claimed by any host. For tests. An emit that was put back counts
/// only when it is due again.
pub async fn is_any_left(tx: &mut Tx, now: Time) -> Result<bool> {
    const SQL: &str = "
        select exists (select 1 from emit where due_at is not null and (error_message is null or due_at <= $1))";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(now.as_millis()).fetch_one(conn).await)
}

//! Organizations, their namespaces and their emit counters.

use std::collections::{HashMap, HashSet};

use sqlx::FromRow;

use super::{Dialects, Tx, codec, on_db, one_row};
use crate::{
    domain::{id::OrganizationId, organization::Organization, plan::Plan, time::Time},
    error::Result,
};

#[derive(FromRow)]
struct OrganizationRow {
    id: String,
    name: String,
    slug: String,
    plan: String,
    region: String,
    billing_email: Option<String>,
    is_active: bool,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<OrganizationRow> for Organization {
    type Error = crate::error::Error;

    fn try_from(row: OrganizationRow) -> Result<Self> {
        let plan = codec::sound(Plan::parse(&row.plan), "organization", "plan", &row.id)?;
        Ok(Self {
            id: OrganizationId::stored(row.id),
            name: row.name,
            slug: row.slug,
            plan,
            region: row.region,
            billing_email: row.billing_email,
            is_active: row.is_active,
            revision: row.revision,
            created_at: codec::time(row.created_at),
            updated_at: codec::time(row.updated_at),
        })
    }
}

/// Adds an organization with its wrapped data key.
pub async fn insert(tx: &mut Tx, organization: &Organization, data_key: &[u8]) -> Result<()> {
    const SQL: &str = "
        insert into organization (id, name, slug, plan, region, billing_email, is_active, revision,
                                  data_key, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let o = organization;
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(o.id.as_str())
        .bind(&o.name)
        .bind(&o.slug)
        .bind(o.plan.as_str())
        .bind(&o.region)
        .bind(&o.billing_email)
        .bind(o.is_active)
        .bind(o.revision)
        .bind(data_key)
        .bind(o.created_at.as_millis())
        .bind(o.updated_at.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// An organization by its id.
pub async fn find(tx: &mut Tx, id: &OrganizationId) -> Result<Option<Organization>> {
    const SQL: &str = "
        select id, name, slug, plan, region, billing_email, is_active, revision, created_at, updated_at
          from organization
         where id = $1";
    let row: Option<OrganizationRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(Organization::try_from).transpose()
}

/// An organization by its slug.
pub async fn find_by_slug(tx: &mut Tx, slug: &str) -> Result<Option<Organization>> {
    const SQL: &str = "
        select id, name, slug, plan, region, billing_email, is_active, revision, created_at, updated_at
          from organization
         where slug = $1";
    let row: Option<OrganizationRow> = on_db!(tx, |conn| sqlx::query_as(SQL).bind(slug).fetch_optional(conn).await)?;
    row.map(Organization::try_from).transpose()
}

/// A page of all organizations, the newest first, and how many there are.
pub async fn list(tx: &mut Tx, limit: u32, offset: i64) -> Result<(Vec<Organization>, i64)> {
    const ROWS: &str = "
        select id, name, slug, plan, region, billing_email, is_active, revision, created_at, updated_at
          from organization
         order by id desc
         limit $1 offset $2";
    const TOTAL: &str = "select count(*) from organization";
    let rows: Vec<OrganizationRow> =
        on_db!(&mut *tx, |conn| sqlx::query_as(ROWS).bind(i64::from(limit)).bind(offset).fetch_all(conn).await)?;
    let total: i64 = on_db!(tx, |conn| sqlx::query_scalar(TOTAL).fetch_one(conn).await)?;
    let organizations = rows.into_iter().map(Organization::try_from).collect::<Result<_>>()?;
    Ok((organizations, total))
}

/// Stores name, plan and whether it is active.
pub async fn update(tx: &mut Tx, organization: &Organization) -> Result<()> {
    const SQL: &str = "
        update organization
           set name = $2, plan = $3, is_active = $4, updated_at = $5
         where id = $1";
    let o = organization;
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(o.id.as_str())
        .bind(&o.name)
        .bind(o.plan.as_str())
        .bind(o.is_active)
        .bind(o.updated_at.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "organization::update")
}

/// Counts the revision up and gives the organization as it is now. The row stays locked until the
/// transaction ends, so changes of one organization come one after the other.
pub async fn touch(tx: &mut Tx, id: &OrganizationId) -> Result<Option<Organization>> {
    const SQL: &str = "
        update organization
           set revision = revision + 1
         where id = $1
        returning id, name, slug, plan, region, billing_email, is_active, revision, created_at, updated_at";
    let row: Option<OrganizationRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(Organization::try_from).transpose()
}

/// The revisions of organizations, which nobody changes until the transaction ends: what was checked
/// under an older one may no longer hold, on another host's word or ours.
pub async fn hold_revisions<'a>(
    tx: &mut Tx,
    organizations: impl IntoIterator<Item = &'a OrganizationId>,
) -> Result<HashMap<OrganizationId, i64>> {
    // SQLite's writer is alone. On PostgreSQL a change that began meanwhile waits for this one, so
    // that nothing accepted under the old revision appears after the new one holds. Rows are locked
    // in one order, so that nobody who locks several of them waits for another who does.
    const SQL: Dialects = Dialects {
        sqlite: "
            select id, revision
              from organization
             where id in (select item.value ->> 0 from jsonb_each($1) as item)",
        postgres: "
            select id, revision
              from organization
             where id in (select item.value ->> 0 from jsonb_array_elements(cast($1 as jsonb)) as item(value))
             order by id
               for share",
    };
    let organizations: HashSet<&OrganizationId> = organizations.into_iter().collect();
    let rows: Vec<[&OrganizationId; 1]> = organizations.into_iter().map(|id| [id]).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let revisions: Vec<(String, i64)> = on_db!(tx, |conn| sqlx::query_as(sql).bind(&rows).fetch_all(conn).await)?;
    Ok(revisions.into_iter().map(|(id, revision)| (OrganizationId::stored(id), revision)).collect())
}

/// The wrapped data key.
pub async fn data_key(tx: &mut Tx, id: &OrganizationId) -> Result<Option<Vec<u8>>> {
    const SQL: &str = "select data_key from organization where id = $1";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(id.as_str()).fetch_optional(conn).await)
}

/// Allows a namespace; false when it was allowed already.
pub async fn grant_namespace(tx: &mut Tx, id: &OrganizationId, namespace: &str, now: Time) -> Result<bool> {
    const SQL: &str = "
        insert into namespace_grant (organization_id, namespace, created_at)
        values ($1, $2, $3)
        on conflict (organization_id, namespace) do nothing";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(id.as_str())
        .bind(namespace)
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// Takes a namespace away; false when it was not allowed.
pub async fn revoke_namespace(tx: &mut Tx, id: &OrganizationId, namespace: &str) -> Result<bool> {
    const SQL: &str = "delete from namespace_grant where organization_id = $1 and namespace = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(id.as_str())
        .bind(namespace)
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// The allowed namespaces with the time of each grant, by name.
pub async fn namespaces(tx: &mut Tx, id: &OrganizationId) -> Result<Vec<(String, Time)>> {
    const SQL: &str = "
        select namespace, created_at
          from namespace_grant
         where organization_id = $1
         order by namespace";
    let rows: Vec<(String, i64)> = on_db!(tx, |conn| sqlx::query_as(SQL).bind(id.as_str()).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|(namespace, at)| (namespace, codec::time(at))).collect())
}

/// Emits accepted in a month.
pub async fn emits_in_month(tx: &mut Tx, id: &OrganizationId, month: &str) -> Result<i64> {
    const SQL: &str = "select emits from emit_usage where organization_id = $1 and month = $2";
    let emits: Option<i64> =
        on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(id.as_str()).bind(month).fetch_optional(conn).await)?;
    Ok(emits.unwrap_or(0))
}

//! Organizations, their namespaces and their emit counters.

use std::collections::{HashMap, HashSet};

use sqlx::FromRow;

use super::{
    Dialects, Tx, codec, on_db, one_row,
    page::{Part, paged},
};
use crate::{
    domain::{id::OrganizationId, organization::Organization, plan::Plan, time::Time},
    error::Result,
};

/// The columns of [`OrganizationRow`].
macro_rules! columns {
    () => {
        "id, name, slug, plan, region, billing_email, is_active, revision, rules_revision, created_at, updated_at"
    };
}

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
    rules_revision: i64,
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
            rules_revision: row.rules_revision,
            created_at: codec::time(row.created_at),
            updated_at: codec::time(row.updated_at),
        })
    }
}

/// Adds an organization with its wrapped data key.
pub async fn insert(tx: &mut Tx, organization: &Organization, data_key: &[u8]) -> Result<()> {
    const SQL: &str = "
        insert into organization (id, name, slug, plan, region, billing_email, is_active, revision,
                                  rules_revision, data_key, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
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
        .bind(o.rules_revision)
        .bind(data_key)
        .bind(o.created_at.as_millis())
        .bind(o.updated_at.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// An organization by its id.
pub async fn find(tx: &mut Tx, id: &OrganizationId) -> Result<Option<Organization>> {
    const SQL: &str = concat!("select ", columns!(), " from organization where id = $1");
    let row: Option<OrganizationRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(Organization::try_from).transpose()
}

/// An organization by its slug.
pub async fn find_by_slug(tx: &mut Tx, slug: &str) -> Result<Option<Organization>> {
    const SQL: &str = concat!("select ", columns!(), " from organization where slug = $1");
    let row: Option<OrganizationRow> = on_db!(tx, |conn| sqlx::query_as(SQL).bind(slug).fetch_optional(conn).await)?;
    row.map(Organization::try_from).transpose()
}

/// A page of all organizations, the newest first, and how many there are.
pub async fn list(tx: &mut Tx, part: Part<'_>) -> Result<(Vec<Organization>, i64)> {
    let (rows, total): (Vec<OrganizationRow>, i64) = paged!(
        tx,
        select: columns!(),
        from: "organization",
        where: "true",
        newest: "id",
        bind: [],
        page: part,
    );
    Ok((rows.into_iter().map(Organization::try_from).collect::<Result<_>>()?, total))
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

/// What a change touches, beside the organization itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    /// What the check of an emit depends on: keys, plan, registrations, pushes.
    Rules,
    /// Nothing of that.
    NoRules,
}

/// Gives the organization its next revision, and returns it. The row stays locked until the transaction
/// ends, so that changes of one organization come one after the other.
///
/// A revision is the time of its change, or one more than the one before: so none comes again, not even after
/// the database fell back to a replica that had missed the last changes.
pub async fn touch(tx: &mut Tx, id: &OrganizationId, touches: Touches, now: Time) -> Result<Option<Organization>> {
    macro_rules! sql {
        ($greatest:literal) => {
            concat!(
                "update organization set revision = ",
                $greatest,
                "(revision + 1, $2),
                        rules_revision = case when $3 then ",
                $greatest,
                "(revision + 1, $2) else rules_revision end
                  where id = $1 returning ",
                columns!()
            )
        };
    }
    const SQL: Dialects = Dialects { sqlite: sql!("max"), postgres: sql!("greatest") };
    let sql = SQL.pick(tx);
    let row: Option<OrganizationRow> = on_db!(tx, |conn| sqlx::query_as(sql)
        .bind(id.as_str())
        .bind(now.as_millis())
        .bind(touches == Touches::Rules)
        .fetch_optional(conn)
        .await)?;
    row.map(Organization::try_from).transpose()
}

/// The revisions of an organization at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revisions {
    /// The revision.
    pub present: i64,
    /// The revision of the last change of what the check of an emit depends on.
    pub rules: i64,
}

/// Reads the revisions of organizations, and locks them until the transaction ends. A check that was made
/// under an older revision may no longer hold, because this host or another one changed the organization.
pub async fn hold_revisions<'a>(
    tx: &mut Tx,
    organizations: impl IntoIterator<Item = &'a OrganizationId>,
) -> Result<HashMap<OrganizationId, Revisions>> {
    // SQLite has one writer. On PostgreSQL a change of an organization waits for this transaction, so
    // that no emit accepted under the old revision appears after the new one is in force. All
    // transactions lock rows in the same order, which excludes deadlocks.
    const SQL: Dialects = Dialects {
        sqlite: "
            select id, revision, rules_revision
              from organization
             where id in (select item.value ->> 0 from jsonb_each($1) as item)",
        postgres: "
            select id, revision, rules_revision
              from organization
             where id in (select item.value ->> 0 from jsonb_array_elements(cast($1 as jsonb)) as item(value))
             order by id
               for share",
    };
    let organizations: HashSet<&OrganizationId> = organizations.into_iter().collect();
    let rows: Vec<[&OrganizationId; 1]> = organizations.into_iter().map(|id| [id]).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let revisions: Vec<(String, i64, i64)> = on_db!(tx, |conn| sqlx::query_as(sql).bind(&rows).fetch_all(conn).await)?;
    let named = |(id, present, rules)| (OrganizationId::stored(id), Revisions { present, rules });
    Ok(revisions.into_iter().map(named).collect())
}

/// The organization's wrapped data key.
pub async fn data_key(tx: &mut Tx, id: &OrganizationId) -> Result<Option<Vec<u8>>> {
    const SQL: &str = "select data_key from organization where id = $1";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(id.as_str()).fetch_optional(conn).await)
}

/// Grants a namespace; false when the organization has it already.
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

/// Revokes a namespace; false when the organization does not have it.
pub async fn revoke_namespace(tx: &mut Tx, id: &OrganizationId, namespace: &str) -> Result<bool> {
    const SQL: &str = "delete from namespace_grant where organization_id = $1 and namespace = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(id.as_str())
        .bind(namespace)
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// The namespaces of the organization with the time of each grant, by name.
pub async fn namespaces(tx: &mut Tx, id: &OrganizationId) -> Result<Vec<(String, Time)>> {
    const SQL: &str = "
        select namespace, created_at
          from namespace_grant
         where organization_id = $1
         order by namespace";
    let rows: Vec<(String, i64)> = on_db!(tx, |conn| sqlx::query_as(SQL).bind(id.as_str()).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|(namespace, at)| (namespace, codec::time(at))).collect())
}

/// How many emits of the organization counted against its quota in a month.
pub async fn emits_in_month(tx: &mut Tx, id: &OrganizationId, month: &str) -> Result<i64> {
    const SQL: &str = "select emits from emit_usage where organization_id = $1 and month = $2";
    let emits: Option<i64> =
        on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(id.as_str()).bind(month).fetch_optional(conn).await)?;
    Ok(emits.unwrap_or(0))
}

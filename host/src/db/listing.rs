//! Listings of the marketplace and the forks of them.
//!
//! Organizations see each other's listings, so functions take one of two organizations: the publisher,
//! who owns the listing, or a viewer, who sees published listings and its own.

use sqlx::FromRow;

use super::{Tx, codec, on_db, one_row, page::paged, registration::version_of};
use crate::{
    domain::{
        id::{ForkId, ListingId, OrganizationId, RegistrationId},
        listing::{Fork, Listing, Search, Status, Texts},
        name::EventName,
        time::Time,
    },
    error::{Error, Result},
};

/// The columns of [`ListingRow`].
macro_rules! columns {
    () => {
        "id, organization_id, registration_id, namespace, name, major, minor, patch, title, description, tags, status,
         fork_count, published_by, published_at, unpublished_at, created_at, updated_at"
    };
}

#[derive(FromRow)]
struct ListingRow {
    id: String,
    organization_id: String,
    registration_id: String,
    namespace: String,
    name: String,
    major: i64,
    minor: i64,
    patch: i64,
    title: String,
    description: Option<String>,
    tags: String,
    status: String,
    fork_count: i64,
    published_by: String,
    published_at: i64,
    unpublished_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<ListingRow> for Listing {
    type Error = Error;

    fn try_from(row: ListingRow) -> Result<Self> {
        let version = version_of(row.major, row.minor, row.patch);
        let tags = serde_json::from_str(&row.tags).ok();
        Ok(Self {
            version: codec::sound(version, "listing", "major, minor, patch", &row.id)?,
            status: codec::sound(Status::parse(&row.status), "listing", "status", &row.id)?,
            texts: Texts {
                tags: codec::sound(tags, "listing", "tags", &row.id)?,
                title: row.title,
                description: row.description,
            },
            id: ListingId::stored(row.id),
            publisher_id: OrganizationId::stored(row.organization_id),
            registration_id: RegistrationId::stored(row.registration_id),
            event: EventName::stored(&row.namespace, &row.name),
            fork_count: row.fork_count,
            published_by: row.published_by,
            published_at: codec::time(row.published_at),
            unpublished_at: codec::time_opt(row.unpublished_at),
            created_at: codec::time(row.created_at),
            updated_at: codec::time(row.updated_at),
        })
    }
}

/// Adds a listing of the publisher.
pub async fn insert(tx: &mut Tx, publisher: &OrganizationId, listing: &Listing) -> Result<()> {
    const SQL: &str = "
        insert into listing (id, organization_id, registration_id, namespace, name, major, minor, patch, title,
                             description, tags, searchable, status, fork_count, published_by, published_at,
                             unpublished_at, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    let l = listing;
    let tags = serde_json::to_string(&l.texts.tags).map_err(Error::internal)?;
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(l.id.as_str())
        .bind(publisher.as_str())
        .bind(l.registration_id.as_str())
        .bind(l.event.namespace())
        .bind(l.event.name())
        .bind(i64::from(l.version.major))
        .bind(i64::from(l.version.minor))
        .bind(i64::from(l.version.patch))
        .bind(&l.texts.title)
        .bind(&l.texts.description)
        .bind(tags)
        .bind(l.texts.searchable())
        .bind(l.status.as_str())
        .bind(l.fork_count)
        .bind(&l.published_by)
        .bind(l.published_at.as_millis())
        .bind(codec::millis(l.unpublished_at))
        .bind(l.created_at.as_millis())
        .bind(l.updated_at.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// A listing of the publisher.
pub async fn find(tx: &mut Tx, publisher: &OrganizationId, id: &ListingId) -> Result<Option<Listing>> {
    const SQL: &str = concat!("select ", columns!(), " from listing where organization_id = $1 and id = $2");
    let row: Option<ListingRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(publisher.as_str()).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(Listing::try_from).transpose()
}

/// A listing that the viewer may see: a published one, or its own.
pub async fn find_visible(tx: &mut Tx, viewer: &OrganizationId, id: &ListingId) -> Result<Option<Listing>> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from listing where id = $2 and (status = 'published' or organization_id = $1)"
    );
    let row: Option<ListingRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(viewer.as_str()).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(Listing::try_from).transpose()
}

/// Whether the publisher ever listed the registration; served by `listing_registration`.
pub async fn is_listed(tx: &mut Tx, publisher: &OrganizationId, registration: &RegistrationId) -> Result<bool> {
    const SQL: &str = "select count(*) from listing where organization_id = $1 and registration_id = $2";
    let count: i64 = on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(publisher.as_str())
        .bind(registration.as_str())
        .fetch_one(conn)
        .await)?;
    Ok(count > 0)
}

/// Which listings of the marketplace a list has; what is `None` narrows nothing.
#[derive(Clone, Debug)]
pub struct ListingQuery {
    /// Only listings of this status.
    pub status: Status,
    /// Only events of this namespace.
    pub namespace: Option<String>,
    /// Only listings that have this in their title or description.
    pub search: Option<Search>,
}

/// A page of the listings that the viewer may see, the newest first, and how many match. Served by
/// `listing_order`.
pub async fn browse(
    tx: &mut Tx,
    viewer: &OrganizationId,
    query: &ListingQuery,
    limit: u32,
    offset: i64,
) -> Result<(Vec<Listing>, i64)> {
    let pattern = query.search.as_ref().map(Search::pattern);
    let (rows, total): (Vec<ListingRow>, i64) = paged!(
        tx,
        select: columns!(),
        from: "listing",
        where: r"status = $2
            and (status = 'published' or organization_id = $1)
            and (cast($3 as text) is null or namespace = $3)
            and (cast($4 as text) is null or searchable like $4 escape '\')",
        order: "published_at desc, id",
        bind: [viewer.as_str(), query.status.as_str(), query.namespace.as_deref(), pattern.as_deref()],
        page: (limit, offset),
    );
    Ok((rows.into_iter().map(Listing::try_from).collect::<Result<_>>()?, total))
}

/// Stores the status and its times.
pub async fn update(tx: &mut Tx, publisher: &OrganizationId, listing: &Listing) -> Result<()> {
    const SQL: &str = "
        update listing
           set status = $3, unpublished_at = $4, updated_at = $5
         where organization_id = $1 and id = $2";
    let l = listing;
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(publisher.as_str())
        .bind(l.id.as_str())
        .bind(l.status.as_str())
        .bind(codec::millis(l.unpublished_at))
        .bind(l.updated_at.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "listing::update")
}

/// Archives the listing of an archived registration, if there is one; served by
/// `listing_registration`.
pub async fn archive(tx: &mut Tx, publisher: &OrganizationId, registration: &RegistrationId, now: Time) -> Result<()> {
    const SQL: &str = "
        update listing
           set status = 'archived', updated_at = $3
         where organization_id = $1 and registration_id = $2 and status <> 'archived'";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(publisher.as_str())
        .bind(registration.as_str())
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Adds a fork of the organization and counts it on the listing, whose row stays locked until the
/// transaction ends. Writes nothing and gives false when the listing is not published.
pub async fn fork(tx: &mut Tx, organization: &OrganizationId, fork: &Fork) -> Result<bool> {
    const COUNT: &str = "
        update listing
           set fork_count = fork_count + 1
         where id = $1 and status = 'published'";
    const FORK: &str = "
        insert into marketplace_fork (id, organization_id, registration_id, listing_id, publisher_organization_id,
                                      source_canonical_name, forked_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let f = fork;
    let counted = on_db!(&mut *tx, |conn| sqlx::query(COUNT)
        .bind(f.listing_id.as_str())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if counted == 0 {
        return Ok(false);
    }
    on_db!(tx, |conn| sqlx::query(FORK)
        .bind(f.id.as_str())
        .bind(organization.as_str())
        .bind(f.registration_id.as_str())
        .bind(f.listing_id.as_str())
        .bind(f.publisher_id.as_str())
        .bind(&f.source_canonical_name)
        .bind(&f.forked_by)
        .bind(f.created_at.as_millis())
        .execute(conn)
        .await
        .map(|_| true))
}

#[derive(FromRow)]
struct ForkRow {
    id: String,
    listing_id: String,
    publisher_organization_id: String,
    source_canonical_name: String,
    registration_id: String,
    forked_by: String,
    created_at: i64,
}

impl From<ForkRow> for Fork {
    fn from(row: ForkRow) -> Self {
        Self {
            id: ForkId::stored(row.id),
            listing_id: ListingId::stored(row.listing_id),
            publisher_id: OrganizationId::stored(row.publisher_organization_id),
            source_canonical_name: row.source_canonical_name,
            registration_id: RegistrationId::stored(row.registration_id),
            forked_by: row.forked_by,
            created_at: codec::time(row.created_at),
        }
    }
}

/// The fork by which a registration of the organization was made; `None` when it is no fork. Served by
/// `marketplace_fork_registration`.
pub async fn origin(tx: &mut Tx, organization: &OrganizationId, registration: &RegistrationId) -> Result<Option<Fork>> {
    const SQL: &str = "
        select id, listing_id, publisher_organization_id, source_canonical_name, registration_id, forked_by, created_at
          from marketplace_fork
         where organization_id = $1 and registration_id = $2";
    let row: Option<ForkRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(registration.as_str())
        .fetch_optional(conn)
        .await)?;
    Ok(row.map(Fork::from))
}

//! Finding organizations, for the operator.

use crate::{
    db,
    domain::{id::OrganizationId, organization::Organization},
    error::{Error, Result},
    fail,
    service::{Host, Page},
};

/// An organization by its slug, for the command line.
pub async fn find_by_slug(host: &Host, slug: &str) -> Result<Option<Organization>> {
    let mut tx = host.db.read().await?;
    db::organization::find_by_slug(&mut tx, slug).await
}

/// A page of all organizations, the newest first, and how many there are.
pub async fn list(host: &Host, page: &Page) -> Result<(Vec<Organization>, i64)> {
    let mut tx = host.db.read().await?;
    db::organization::list(&mut tx, page.part()).await
}

/// One organization. Code `NOT_FOUND`.
pub async fn get(host: &Host, id: &str) -> Result<Organization> {
    let id = parse_id(id)?;
    let mut tx = host.db.read().await?;
    db::organization::find(&mut tx, &id).await?.ok_or_else(not_found)
}

/// Reads the id of an organization; a text that cannot be one is not found.
pub(super) fn parse_id(id: &str) -> Result<OrganizationId> {
    OrganizationId::parse(id).ok_or_else(not_found)
}

fn not_found() -> Error {
    fail!(NotFound, "there is no such organization")
}

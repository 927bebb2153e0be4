//! Listings: publishing registrations in the marketplace, browsing and hiding them.

use serde_json::{Value, json};

use crate::{
    db::{self, listing::ListingQuery},
    domain::{
        id::{ListingId, RegistrationId},
        lifecycle::{
            Lifecycle, MARKETPLACE_LISTING_PUBLISHED, MARKETPLACE_LISTING_REPUBLISHED, MARKETPLACE_LISTING_UNPUBLISHED,
            entity,
        },
        listing::{Listing, Status, Texts},
        plan::Plan,
        registration::{Registration, Status as RegistrationStatus},
    },
    error::{Error, Result},
    fail,
    service::{Caller, Change, Host, registry},
};

/// A listing to be.
#[derive(Clone, Copy, Debug)]
pub struct PublishRequest<'a> {
    /// The id of one of the caller's published registrations.
    pub registration_id: &'a str,
    /// A short name for people.
    pub title: &'a str,
    /// A description for people.
    pub description: Option<&'a str>,
    /// Words to find it by.
    pub tags: &'a [String],
}

/// Lists a registration. A version is listed once: hiding its listing does not let it be listed again.
pub async fn publish(host: &Host, caller: &Caller, request: PublishRequest<'_>) -> Result<Listing> {
    let mut change = host.change_beside_rules(&caller.organization_id).await?;
    check_publishing(change.organization.plan)?;
    let description = registry::check_description(request.description)?;
    let texts = Texts::new(request.title, description, request.tags)?;
    let registration = listable(&mut change, request.registration_id).await?;
    let listing = Listing {
        id: ListingId::new(change.now, host.randomness.id()),
        publisher_id: caller.organization_id.clone(),
        registration_id: registration.id,
        event: registration.event,
        version: registration.version,
        texts,
        status: Status::Published,
        fork_count: 0,
        published_by: caller.service().to_owned(),
        published_at: change.now,
        unpublished_at: None,
        created_at: change.now,
        updated_at: change.now,
    };
    db::listing::insert(&mut change.tx, &caller.organization_id, &listing).await?;
    change.announce(about(&listing, MARKETPLACE_LISTING_PUBLISHED, facts(&listing)));
    change.commit().await?;
    Ok(listing)
}

fn check_publishing(plan: Plan) -> Result<()> {
    if plan.marketplace() {
        return Ok(());
    }
    Err(fail!(MarketplacePublishNotAvailable, "plan {} cannot publish in the marketplace", plan.as_str()))
}

/// A registration of the caller that may be listed.
async fn listable(change: &mut Change<'_>, id: &str) -> Result<Registration> {
    let organization = change.organization.id.clone();
    let id = RegistrationId::parse(id).ok_or_else(registry::not_found)?;
    let registration =
        db::registration::find(&mut change.tx, &organization, &id).await?.ok_or_else(registry::not_found)?;
    if registration.event.is_generic() {
        return Err(fail!(RegistrationIsGeneric, "platformxe.generic is everybody's already"));
    }
    if db::listing::is_listed(&mut change.tx, &organization, &id).await? {
        let (event, version) = (&registration.event, registration.version);
        return Err(fail!(ListingAlreadyExists, "{event}@{version} was listed before; list its next version instead"));
    }
    if registration.status != RegistrationStatus::Published {
        let status = registration.status.as_str();
        return Err(fail!(RegistrationNotPublished, "the registration is {status}, not published"));
    }
    Ok(registration)
}

/// An event about a listing.
pub(super) fn about(listing: &Listing, name: &'static str, data: Value) -> Lifecycle {
    Lifecycle::about(entity::LISTING, listing.id.as_str(), name, data)
}

/// The fields that all events about a listing have (contract 7.4).
pub(super) fn facts(listing: &Listing) -> Value {
    json!({
        "listingId": listing.id,
        "publisherOrganizationId": listing.publisher_id,
        "sourceCanonicalName": listing.source_canonical_name(),
    })
}

/// A part of the listings that the caller may see, and how many match.
pub async fn browse(
    host: &Host,
    caller: &Caller,
    filter: &ListingQuery,
    limit: u32,
    offset: i64,
) -> Result<(Vec<Listing>, i64)> {
    let mut tx = host.read(&caller.organization_id).await?;
    db::listing::browse(&mut tx, &caller.organization_id, filter, limit, offset).await
}

/// A listing that the caller may see, with the registration that it shows.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<(Listing, Registration)> {
    let id = ListingId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.read(&caller.organization_id).await?;
    let listing = db::listing::find_visible(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    let registration = source(&mut tx, &listing).await?;
    Ok((listing, registration))
}

/// The registration that a listing shows. Registrations are never deleted.
pub(super) async fn source(tx: &mut db::Tx, listing: &Listing) -> Result<Registration> {
    let source = db::registration::find(tx, &listing.publisher_id, &listing.registration_id).await?;
    source.ok_or_else(|| Error::gone(&listing.registration_id))
}

/// Code `listing_not_found`.
pub(super) fn not_found() -> Error {
    fail!(ListingNotFound, "there is no such listing")
}

/// Hides one of the caller's listings. Every plan allows that: after a downgrade, too.
pub async fn unpublish(host: &Host, caller: &Caller, id: &str) -> Result<Listing> {
    let id = ListingId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change_beside_rules(&caller.organization_id).await?;
    let mut listing = db::listing::find(&mut change.tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    listing.unpublish(change.now)?;
    db::listing::update(&mut change.tx, &caller.organization_id, &listing).await?;
    change.announce(about(&listing, MARKETPLACE_LISTING_UNPUBLISHED, facts(&listing)));
    change.commit().await?;
    Ok(listing)
}

/// Shows one of the caller's listings again.
pub async fn republish(host: &Host, caller: &Caller, id: &str) -> Result<Listing> {
    let id = ListingId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change_beside_rules(&caller.organization_id).await?;
    check_publishing(change.organization.plan)?;
    let mut listing = db::listing::find(&mut change.tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    listing.republish(change.now)?;
    db::listing::update(&mut change.tx, &caller.organization_id, &listing).await?;
    change.announce(about(&listing, MARKETPLACE_LISTING_REPUBLISHED, facts(&listing)));
    change.commit().await?;
    Ok(listing)
}

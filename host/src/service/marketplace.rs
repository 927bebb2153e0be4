//! The marketplace: listings of one organization that others fork.
//!
//! Each change writes what belongs to the caller's organization. The one exception is the count
//! of forks on the publisher's listing, and it is all that a publisher learns of a fork.

use serde_json::{Value, json};

use super::{
    Caller, Change, Host, lifecycle,
    registry::{self, RegisterRequest},
};
use crate::{
    db::{
        self,
        listing::{ListingQuery, fork as insert_fork},
    },
    domain::{
        id::{ForkId, ListingId, RegistrationId},
        lifecycle::{
            Lifecycle, MARKETPLACE_LISTING_FORK_FAILED, MARKETPLACE_LISTING_FORKED, MARKETPLACE_LISTING_PUBLISHED,
            MARKETPLACE_LISTING_REPUBLISHED, MARKETPLACE_LISTING_UNPUBLISHED, entity,
        },
        listing::{Fork, Listing, Status, Texts},
        plan::Plan,
        registration::{Registration, Status as RegistrationStatus},
    },
    error::{Code, Error, Result},
    fail,
};

/// The version of a fork when the caller names none (contract 3).
const FORK_VERSION: &str = "1.0.0";

/// What is to be listed.
#[derive(Clone, Copy, Debug)]
pub struct PublishRequest<'a> {
    /// One of the caller's registrations, published.
    pub registration_id: &'a str,
    /// A short name for people.
    pub title: &'a str,
    /// What it is good for.
    pub description: Option<&'a str>,
    /// Words to find it by.
    pub tags: &'a [String],
}

/// Lists a registration. A version is listed once, for ever: hiding it does not free its place.
pub async fn publish(host: &Host, caller: &Caller, request: PublishRequest<'_>) -> Result<Listing> {
    let mut change = host.change(&caller.organization_id).await?;
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
    change.record(about(&listing, MARKETPLACE_LISTING_PUBLISHED, facts(&listing)));
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
fn about(listing: &Listing, name: &'static str, data: Value) -> Lifecycle {
    Lifecycle::about(entity::LISTING, listing.id.as_str(), name, data)
}

/// What every event about a listing says (contract 7.4).
fn facts(listing: &Listing) -> Value {
    json!({
        "listingId": listing.id,
        "publisherOrganizationId": listing.publisher_id,
        "sourceCanonicalName": listing.source_canonical_name(),
    })
}

/// A part of the marketplace as the caller may see it, and how many listings match.
pub async fn browse(
    host: &Host,
    caller: &Caller,
    filter: &ListingQuery,
    limit: u32,
    offset: i64,
) -> Result<(Vec<Listing>, i64)> {
    let mut tx = host.db.read().await?;
    db::listing::browse(&mut tx, &caller.organization_id, filter, limit, offset).await
}

/// A listing that the caller may see, with the registration that it shows.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<(Listing, Registration)> {
    let id = ListingId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    let listing = db::listing::find_visible(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    let registration = source(&mut tx, &listing).await?;
    Ok((listing, registration))
}

/// What a listing shows. Registrations are never deleted.
async fn source(tx: &mut db::Tx, listing: &Listing) -> Result<Registration> {
    let source = db::registration::find(tx, &listing.publisher_id, &listing.registration_id).await?;
    source.ok_or_else(|| fail!(InternalError, "registration {} is gone", listing.registration_id))
}

fn not_found() -> Error {
    fail!(ListingNotFound, "there is no such listing")
}

/// Hides one of the caller's listings. Whatever the plan: after a downgrade, too.
pub async fn unpublish(host: &Host, caller: &Caller, id: &str) -> Result<Listing> {
    let id = ListingId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change(&caller.organization_id).await?;
    let mut listing = db::listing::find(&mut change.tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    listing.unpublish(change.now)?;
    db::listing::update(&mut change.tx, &caller.organization_id, &listing).await?;
    change.record(about(&listing, MARKETPLACE_LISTING_UNPUBLISHED, facts(&listing)));
    change.commit().await?;
    Ok(listing)
}

/// Shows one of the caller's listings again.
pub async fn republish(host: &Host, caller: &Caller, id: &str) -> Result<Listing> {
    let id = ListingId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change(&caller.organization_id).await?;
    check_publishing(change.organization.plan)?;
    let mut listing = db::listing::find(&mut change.tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    listing.republish(change.now)?;
    db::listing::update(&mut change.tx, &caller.organization_id, &listing).await?;
    change.record(about(&listing, MARKETPLACE_LISTING_REPUBLISHED, facts(&listing)));
    change.commit().await?;
    Ok(listing)
}

/// What a fork is to be called.
#[derive(Clone, Copy, Debug)]
pub struct ForkRequest<'a> {
    /// One that the caller may register under.
    pub namespace: &'a str,
    /// The caller's own name for it.
    pub name: &'a str,
    /// `1.0.0` when it is not given.
    pub version: Option<&'a str>,
    /// The listing's when it is not given.
    pub description: Option<&'a str>,
    /// `draft`, when it is not given, or `published`.
    pub status: Option<&'a str>,
}

/// Registers what a listing shows as an event of the caller, by the rules for every event. From
/// then on it is the caller's alone.
pub async fn fork(host: &Host, caller: &Caller, id: &str, request: ForkRequest<'_>) -> Result<(Fork, Registration)> {
    let listing = forkable(host, caller, id).await?;
    match try_fork(host, caller, &listing, request).await {
        // What was written is undone, so this is said in a transaction of its own.
        Err(error) if error.code().status() < 500 => {
            let event = fork_failed(&listing, caller, error.code());
            if let Err(lost) = lifecycle::record_alone(host, &caller.organization_id, vec![event]).await {
                tracing::warn!(error = ?lost, "a fork failed, and the event of that was lost");
            }
            Err(error)
        }
        other => other,
    }
}

/// A listing that may be forked, before anything is known of the fork. What is refused here is
/// not recorded: the event would tell what the listing hides.
async fn forkable(host: &Host, caller: &Caller, id: &str) -> Result<Listing> {
    let id = ListingId::parse(id).ok_or_else(not_found)?;
    check_forking(caller.plan)?;
    let mut tx = host.db.read().await?;
    match db::listing::find_visible(&mut tx, &caller.organization_id, &id).await? {
        Some(listing) if listing.status == Status::Published => Ok(listing),
        None if !db::listing::exists(&mut tx, &id).await? => Err(not_found()),
        _ => Err(not_published()),
    }
}

fn check_forking(plan: Plan) -> Result<()> {
    if plan.marketplace() {
        return Ok(());
    }
    Err(fail!(MarketplaceForkNotAvailable, "plan {} cannot fork from the marketplace", plan.as_str()))
}

fn not_published() -> Error {
    fail!(ListingNotPublished, "the listing is not published at present")
}

async fn try_fork(
    host: &Host,
    caller: &Caller,
    listing: &Listing,
    request: ForkRequest<'_>,
) -> Result<(Fork, Registration)> {
    let mut tx = host.db.read().await?;
    let source = source(&mut tx, listing).await?;
    drop(tx);
    let new = RegisterRequest {
        namespace: request.namespace,
        name: request.name,
        version: request.version.unwrap_or(FORK_VERSION),
        payload_schema: &source.payload_schema,
        payload_example: source.payload_example.as_deref(),
        status: request.status,
        description: request.description.or(listing.texts.description.as_deref()),
        compatibility: Some(source.compatibility.as_str()),
    };
    let (mut change, registration) = registry::add(host, caller, &new).await.map_err(already_there)?;
    check_forking(change.organization.plan)?;
    let fork = Fork {
        id: ForkId::new(change.now, host.randomness.id()),
        listing_id: listing.id.clone(),
        publisher_id: listing.publisher_id.clone(),
        source_canonical_name: listing.source_canonical_name(),
        registration_id: registration.id.clone(),
        forked_by: caller.service().to_owned(),
        created_at: change.now,
    };
    // Last of all, because it locks the publisher's row: forks of one listing wait here only.
    if !insert_fork(&mut change.tx, &caller.organization_id, &fork).await? {
        return Err(not_published());
    }
    change.record(forked(listing, &fork, caller));
    change.commit().await?;
    Ok((fork, registration))
}

/// In the marketplace a version that exists has a code of its own.
fn already_there(error: Error) -> Error {
    match error.code() {
        Code::VersionAlreadyExists => fail!(ForkAlreadyExists, "this organization has that version of that event"),
        _ => error,
    }
}

fn forked(listing: &Listing, fork: &Fork, caller: &Caller) -> Lifecycle {
    let mut data = facts(listing);
    data["forkId"] = json!(fork.id);
    data["forkRegistrationId"] = json!(fork.registration_id);
    data["forkOrganizationId"] = json!(caller.organization_id);
    about(listing, MARKETPLACE_LISTING_FORKED, data)
}

fn fork_failed(listing: &Listing, caller: &Caller, code: Code) -> Lifecycle {
    let mut data = facts(listing);
    data["forkOrganizationId"] = json!(caller.organization_id);
    data["errorCode"] = json!(code.as_str());
    about(listing, MARKETPLACE_LISTING_FORK_FAILED, data)
}

/// Where one of the caller's registrations came from, if it is a fork.
pub async fn origin(host: &Host, caller: &Caller, registration: &RegistrationId) -> Result<Option<Fork>> {
    let mut tx = host.db.read().await?;
    db::listing::origin(&mut tx, &caller.organization_id, registration).await
}

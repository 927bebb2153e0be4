//! Forking: registering the event of a listing as the caller's own.

use serde_json::json;

use super::listing::{about, facts, not_found, source};
use crate::{
    db,
    domain::{
        id::{ForkId, ListingId, RegistrationId},
        lifecycle::{Lifecycle, MARKETPLACE_LISTING_FORK_FAILED, MARKETPLACE_LISTING_FORKED},
        listing::{Fork, Listing, Status},
        plan::Plan,
        registration::Registration,
    },
    error::{Code, Error, Result},
    fail,
    service::{
        Caller, Host,
        announce::announce_alone,
        registry::{RegisterRequest, register_in_change},
    },
};

/// The version of a fork when the caller names none (contract 3).
const FORK_VERSION: &str = "1.0.0";

/// A fork to be.
#[derive(Clone, Copy, Debug)]
pub struct ForkRequest<'a> {
    /// A namespace that the caller may register under.
    pub namespace: &'a str,
    /// The caller's own name for the event.
    pub name: &'a str,
    /// The version of the caller's event; `None` is `1.0.0`.
    pub version: Option<&'a str>,
    /// A description for people; `None` is the listing's.
    pub description: Option<&'a str>,
    /// `draft` or `published`; `None` is `draft`.
    pub status: Option<&'a str>,
}

/// Registers the event of a listing as the caller's own, by the rules for every event. Later changes
/// of the listing do not reach it.
pub async fn fork(host: &Host, caller: &Caller, id: &str, request: ForkRequest<'_>) -> Result<(Fork, Registration)> {
    let listing = forkable(host, caller, id).await?;
    match try_fork(host, caller, &listing, request).await {
        // The change was undone, so the failure is announced in a transaction of its own.
        Err(refusal) if refusal.code().status() < 500 => {
            let event = fork_failed(&listing, caller, refusal.code());
            if let Err(error) = announce_alone(host, &caller.organization_id, vec![event]).await {
                tracing::warn!(error = ?error, "the failure of a fork could not be announced");
            }
            Err(refusal)
        }
        other => other,
    }
}

/// Finds a listing that may be forked: one that the caller may not see is not found, as when it is looked
/// at. A refusal here is not announced: the event would show a listing that is hidden.
async fn forkable(host: &Host, caller: &Caller, id: &str) -> Result<Listing> {
    let id = ListingId::parse(id).ok_or_else(not_found)?;
    check_forking(caller.plan)?;
    let mut tx = host.read(&caller.organization_id).await?;
    match db::listing::find_visible(&mut tx, &caller.organization_id, &id).await? {
        Some(listing) if listing.status == Status::Published => Ok(listing),
        Some(_) => Err(not_published()),
        None => Err(not_found()),
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
    let mut tx = host.read(&caller.organization_id).await?;
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
    let (mut change, registration) = register_in_change(host, caller, &new).await.map_err(already_there)?;
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
    // Last, because this locks the publisher's row: forks of one listing wait for each other here only.
    if !db::listing::fork(&mut change.tx, &caller.organization_id, &fork).await? {
        // Hidden meanwhile.
        let is_own = listing.publisher_id == caller.organization_id;
        return Err(if is_own { not_published() } else { not_found() });
    }
    change.announce(forked(listing, &fork, caller));
    change.commit().await?;
    Ok((fork, registration))
}

/// Gives the refusal of a version that exists the marketplace's own code.
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

/// The fork that one of the caller's registrations came from; `None` if it is no fork.
pub async fn origin(host: &Host, caller: &Caller, registration: &RegistrationId) -> Result<Option<Fork>> {
    let mut tx = host.read(&caller.organization_id).await?;
    db::listing::origin(&mut tx, &caller.organization_id, registration).await
}

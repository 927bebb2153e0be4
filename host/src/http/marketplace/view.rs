//! Answers about the marketplace.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    domain::{
        id::{ForkId, ListingId, OrganizationId, RegistrationId},
        listing,
        registration::Registration,
        time::Time,
    },
    error::Result,
    http::envelope::stored_json,
};

/// A listing without its schema.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Listing {
    id: ListingId,
    publisher_organization_id: OrganizationId,
    namespace: String,
    name: String,
    version: String,
    source_canonical_name: String,
    title: String,
    description: Option<String>,
    tags: Vec<String>,
    status: &'static str,
    fork_count: i64,
    published_by: String,
    published_at: Time,
    unpublished_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

impl From<listing::Listing> for Listing {
    fn from(listing: listing::Listing) -> Self {
        Self {
            source_canonical_name: listing.source_canonical_name(),
            id: listing.id,
            publisher_organization_id: listing.publisher_id,
            namespace: listing.event.namespace().to_owned(),
            name: listing.event.name().to_owned(),
            version: listing.version.to_string(),
            title: listing.texts.title,
            description: listing.texts.description,
            tags: listing.texts.tags,
            status: listing.status.as_str(),
            fork_count: listing.fork_count,
            published_by: listing.published_by,
            published_at: listing.published_at,
            unpublished_at: listing.unpublished_at,
            created_at: listing.created_at,
            updated_at: listing.updated_at,
        }
    }
}

/// A part of the marketplace. `total` counts all listings that match.
#[derive(Serialize)]
pub(in crate::http) struct ListingList {
    listings: Vec<Listing>,
    total: i64,
    limit: u32,
    offset: u32,
}

impl ListingList {
    pub(super) fn of(listings: Vec<listing::Listing>, total: i64, limit: u32, offset: u32) -> Self {
        Self { listings: listings.into_iter().map(Into::into).collect(), total, limit, offset }
    }
}

/// A listing with the schema and example of its registration, which are shown as they were sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ListingWithSchema {
    #[serde(flatten)]
    listing: Listing,
    payload_schema: Box<RawValue>,
    payload_example: Option<Box<RawValue>>,
}

impl ListingWithSchema {
    pub(super) fn of(listing: listing::Listing, registration: Registration) -> Result<Self> {
        Ok(Self {
            listing: listing.into(),
            payload_schema: stored_json(registration.payload_schema)?,
            payload_example: registration.payload_example.map(stored_json).transpose()?,
        })
    }
}

/// A listing that was hidden.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct UnpublishedListing {
    id: ListingId,
    status: &'static str,
    unpublished_at: Option<Time>,
}

impl From<listing::Listing> for UnpublishedListing {
    fn from(listing: listing::Listing) -> Self {
        Self { id: listing.id, status: listing.status.as_str(), unpublished_at: listing.unpublished_at }
    }
}

/// A fork, and the registration that it made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ForkedListing {
    fork_id: ForkId,
    fork_registration_id: RegistrationId,
    fork_canonical_name: String,
    source_canonical_name: String,
}

impl ForkedListing {
    pub(super) fn of(fork: listing::Fork, registration: &Registration) -> Self {
        Self {
            fork_id: fork.id,
            fork_registration_id: registration.id.clone(),
            fork_canonical_name: registration.canonical_name(),
            source_canonical_name: fork.source_canonical_name,
        }
    }
}

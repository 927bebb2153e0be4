//! Answers about registrations.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    domain::{
        id::{ForkId, ListingId, OrganizationId, RegistrationId},
        listing, registration,
        time::Time,
    },
    error::Result,
    http::envelope::stored_json,
    service::registry::Verdict,
};

/// A registration that was just made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct NewRegistration {
    id: RegistrationId,
    organization_id: OrganizationId,
    canonical_name: String,
    namespace: String,
    name: String,
    version: String,
    status: &'static str,
    description: Option<String>,
    registered_by: String,
    schema_hash: String,
    schema_flavour: String,
    semver_bump: &'static str,
    compatibility: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    created_at: Time,
    updated_at: Time,
}

/// What became of a schema that was sent as one of another draft, or as a bundle.
#[derive(Serialize)]
struct Details {
    /// A list of `{ path, change }`.
    converted: Box<RawValue>,
}

impl Details {
    fn of(changes: Option<String>) -> Result<Option<Self>> {
        let converted = changes.map(stored_json).transpose()?;
        Ok(converted.map(|converted| Self { converted }))
    }
}

impl NewRegistration {
    pub(super) fn of(registration: registration::Registration) -> Result<Self> {
        Ok(Self {
            details: Details::of(registration.conversion.as_ref().map(|conversion| conversion.changes.clone()))?,
            canonical_name: registration.canonical_name(),
            id: registration.id,
            organization_id: registration.organization_id,
            namespace: registration.event.namespace().to_owned(),
            name: registration.event.name().to_owned(),
            version: registration.version.to_string(),
            status: registration.status.as_str(),
            description: registration.description,
            registered_by: registration.registered_by,
            schema_hash: registration.schema_hash,
            schema_flavour: registration.schema_flavour,
            semver_bump: registration.semver_bump.as_str(),
            compatibility: registration.compatibility.as_str(),
            created_at: registration.created_at,
            updated_at: registration.updated_at,
        })
    }
}

/// What is known of a registration that would be accepted; a refused one answers an error.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct DryRun {
    valid: bool,
    schema_hash: String,
    schema_flavour: &'static str,
    semver_bump: &'static str,
    schema_depth: u32,
    schema_property_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

impl DryRun {
    pub(super) fn of(verdict: Verdict) -> Result<Self> {
        Ok(Self {
            valid: true,
            details: Details::of(verdict.converted.map(|converted| converted.details().to_string()))?,
            schema_hash: verdict.schema_hash,
            schema_flavour: verdict.schema_flavour.as_str(),
            semver_bump: verdict.semver_bump.as_str(),
            schema_depth: verdict.schema_depth,
            schema_property_count: verdict.schema_property_count,
        })
    }
}

#[derive(Serialize)]
pub(in crate::http) struct RegistrationList {
    events: Vec<RegistrationSummary>,
}

/// A registration in a list, without its schema.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegistrationSummary {
    id: RegistrationId,
    namespace: String,
    name: String,
    version: String,
    status: &'static str,
    description: Option<String>,
    canonical_name: String,
    compatibility: &'static str,
    created_at: Time,
    updated_at: Time,
}

impl From<Vec<registration::Registration>> for RegistrationList {
    fn from(registrations: Vec<registration::Registration>) -> Self {
        Self { events: registrations.into_iter().map(Into::into).collect() }
    }
}

impl From<registration::Registration> for RegistrationSummary {
    fn from(registration: registration::Registration) -> Self {
        Self {
            canonical_name: registration.canonical_name(),
            id: registration.id,
            namespace: registration.event.namespace().to_owned(),
            name: registration.event.name().to_owned(),
            version: registration.version.to_string(),
            status: registration.status.as_str(),
            description: registration.description,
            compatibility: registration.compatibility.as_str(),
            created_at: registration.created_at,
            updated_at: registration.updated_at,
        }
    }
}

/// A registration with its schema and example, which are shown as they were sent. A schema that was
/// converted is shown as it is stored, with the one that was sent beside it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Registration {
    id: RegistrationId,
    organization_id: OrganizationId,
    canonical_name: String,
    namespace: String,
    name: String,
    version: String,
    status: &'static str,
    description: Option<String>,
    payload_schema: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_schema: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    payload_example: Option<Box<RawValue>>,
    registered_by: String,
    schema_hash: String,
    schema_flavour: String,
    compatibility: &'static str,
    created_at: Time,
    updated_at: Time,
    archived_at: Option<Time>,
    forked_from: Option<Origin>,
}

/// The listing of the marketplace that a registration was forked from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Origin {
    fork_id: ForkId,
    listing_id: ListingId,
    publisher_organization_id: OrganizationId,
    source_canonical_name: String,
    forked_by: String,
    forked_at: Time,
}

impl Registration {
    pub(super) fn of(registration: registration::Registration, origin: Option<listing::Fork>) -> Result<Self> {
        let (source, changes) =
            registration.conversion.clone().map(|conversion| (conversion.source, conversion.changes)).unzip();
        Ok(Self {
            source_schema: source.map(stored_json).transpose()?,
            details: Details::of(changes)?,
            canonical_name: registration.canonical_name(),
            id: registration.id,
            organization_id: registration.organization_id,
            namespace: registration.event.namespace().to_owned(),
            name: registration.event.name().to_owned(),
            version: registration.version.to_string(),
            status: registration.status.as_str(),
            description: registration.description,
            payload_schema: stored_json(registration.payload_schema)?,
            payload_example: registration.payload_example.map(stored_json).transpose()?,
            registered_by: registration.registered_by,
            schema_hash: registration.schema_hash,
            schema_flavour: registration.schema_flavour,
            compatibility: registration.compatibility.as_str(),
            created_at: registration.created_at,
            updated_at: registration.updated_at,
            archived_at: registration.archived_at,
            forked_from: origin.map(Into::into),
        })
    }
}

impl From<listing::Fork> for Origin {
    fn from(fork: listing::Fork) -> Self {
        Self {
            fork_id: fork.id,
            listing_id: fork.listing_id,
            publisher_organization_id: fork.publisher_id,
            source_canonical_name: fork.source_canonical_name,
            forked_by: fork.forked_by,
            forked_at: fork.created_at,
        }
    }
}

/// A registration that was archived.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ArchivedRegistration {
    id: RegistrationId,
    status: &'static str,
    archived_at: Option<Time>,
}

impl From<registration::Registration> for ArchivedRegistration {
    fn from(registration: registration::Registration) -> Self {
        Self { id: registration.id, status: registration.status.as_str(), archived_at: registration.archived_at }
    }
}

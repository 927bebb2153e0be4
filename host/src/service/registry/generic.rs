//! The generic event, which every organization has.

use weir_schema::Compatibility;

use crate::{
    domain::{
        id::RegistrationId,
        name::{Bump, EventName},
        organization::Organization,
        registration::{GENERIC_SCHEMA, GENERIC_VERSION, PLATFORM, Registration, Status},
        time::Time,
    },
    error::Result,
    service::Host,
};

/// The catch-all event that every organization has from the start (contract 2.9).
pub(in crate::service) fn generic(host: &Host, organization: &Organization, now: Time) -> Result<Registration> {
    let schema = weir_schema::inspect(GENERIC_SCHEMA)?;
    Ok(Registration {
        id: RegistrationId::new(now, host.randomness.id()),
        organization_id: organization.id.clone(),
        event: EventName::generic(),
        version: GENERIC_VERSION,
        status: Status::Published,
        description: Some("Catch-all event: route by its kind".to_owned()),
        payload_schema: GENERIC_SCHEMA.to_owned(),
        conversion: None,
        payload_example: None,
        schema_hash: schema.hash,
        schema_flavour: schema.flavour.as_str().to_owned(),
        semver_bump: Bump::Initial,
        compatibility: Compatibility::default(),
        registered_by: PLATFORM.to_owned(),
        created_at: now,
        updated_at: now,
        archived_at: None,
    })
}

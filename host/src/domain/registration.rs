//! Registrations: each is one version of a custom event, with the schema of its payloads.

use weir_schema::Compatibility;

use super::{
    id::{OrganizationId, RegistrationId},
    name::{Bump, EventName, Version},
    time::Time,
};
use crate::{error::Result, fail};

/// One version of a custom event.
#[derive(Clone, Debug)]
pub struct Registration {
    pub id: RegistrationId,
    pub organization_id: OrganizationId,
    pub event: EventName,
    pub version: Version,
    pub status: Status,
    /// The owner's text, byte for byte.
    pub description: Option<String>,
    /// The schema as JSON Schema 2020-12. Key order and number text are those that were sent, unless
    /// `conversion` is set.
    pub payload_schema: String,
    /// Set if the schema was sent as one of another draft, or as a bundle.
    pub conversion: Option<Conversion>,
    /// An example payload as it was sent.
    pub payload_example: Option<String>,
    /// SHA-256 of the schema's canonical JSON, in hex.
    pub schema_hash: String,
    /// `json-schema-2020-12` or `openapi-3.1`.
    pub schema_flavour: String,
    /// The step from the version before.
    pub semver_bump: Bump,
    /// Which payloads of the version before this version has to accept, if it is a minor one.
    pub compatibility: Compatibility,
    /// The caller service that registered it.
    pub registered_by: String,
    pub created_at: Time,
    /// When status or description last changed.
    pub updated_at: Time,
    /// Set once the registration is archived.
    pub archived_at: Option<Time>,
}

impl Registration {
    /// `TENANT_CUSTOM:<organization>:<namespace>.<name>@<version>`.
    pub fn canonical_name(&self) -> String {
        self.event.canonical(&self.organization_id, self.version)
    }
}

/// How a schema came to be stored as JSON Schema 2020-12.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The schema as it was sent.
    pub source: String,
    /// What was changed: a JSON list of `{ path, change }`.
    pub changes: String,
}

/// The state of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its event cannot be emitted yet.
    Draft,
    /// Its event can be emitted.
    Published,
    /// Its event can no longer be emitted; the row stays.
    Archived,
}

impl Status {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Archived].into_iter().find(|status| status.as_str() == text)
    }

    /// Gives `next` if a registration may become that: a draft may be published, a published one may be
    /// archived, and each may stay as it is. Code `invalid_state`. A draft is not archived but deleted,
    /// by a call of its own.
    pub fn move_to(self, next: Self) -> Result<Self> {
        match (self, next) {
            (from, to) if from == to => Ok(to),
            (Self::Draft, Self::Published) | (Self::Published, Self::Archived) => Ok(next),
            (from, to) => {
                Err(fail!(InvalidState, "a registration that is {} cannot become {}", from.as_str(), to.as_str()))
            }
        }
    }
}

/// The schema of the catch-all event that every organization has (contract 2.9).
pub const GENERIC_SCHEMA: &str = r#"{"type":"object","properties":{"kind":{"type":"string","minLength":1,"description":"Routing key"},"summary":{"type":"string"},"data":{"type":"object"}},"required":["kind"]}"#;
/// The version of the catch-all event.
pub const GENERIC_VERSION: Version = Version::new(1, 0, 0);
/// The caller service under which the host itself registers the catch-all event and emits lifecycle
/// events.
pub const PLATFORM: &str = "platform";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_moves_forward_only() {
        use Status::{Archived, Draft, Published};
        for (from, to, legal) in [
            (Draft, Published, true),
            (Draft, Archived, false),
            (Published, Archived, true),
            (Published, Published, true),
            (Published, Draft, false),
            (Archived, Published, false),
            (Archived, Draft, false),
        ] {
            assert_eq!(from.move_to(to).is_ok(), legal, "{from:?} to {to:?}");
        }
    }
}

//! Registrations: one version of a custom event each.

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
    /// Its id.
    pub id: RegistrationId,
    /// Who owns it.
    pub organization_id: OrganizationId,
    /// What it is called.
    pub event: EventName,
    /// Which version it is.
    pub version: Version,
    /// Where it is in its life.
    pub status: Status,
    /// The owner's words, byte for byte.
    pub description: Option<String>,
    /// The schema as it was sent: key order and number text are kept.
    pub payload_schema: String,
    /// An example payload as it was sent.
    pub payload_example: Option<String>,
    /// SHA-256 of the schema's canonical JSON, in hex.
    pub schema_hash: String,
    /// `json-schema-2020-12` or `openapi-3.1`.
    pub schema_flavour: String,
    /// How it relates to the version before.
    pub semver_bump: Bump,
    /// Which payloads a minor version has to go on taking, by its own word.
    pub compatibility: Compatibility,
    /// The caller service that registered it.
    pub registered_by: String,
    /// When it was registered.
    pub created_at: Time,
    /// When status or description last changed.
    pub updated_at: Time,
    /// When it was archived.
    pub archived_at: Option<Time>,
}

impl Registration {
    /// `TENANT_CUSTOM:<organization>:<namespace>.<name>@<version>`.
    pub fn canonical_name(&self) -> String {
        self.event.canonical(&self.organization_id, self.version)
    }
}

/// Where a registration is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Cannot be emitted yet.
    Draft,
    /// Can be emitted.
    Published,
    /// Can no longer be emitted; the row stays.
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

    /// Checks a move: a draft may be published, what is published archived, and anything may stay
    /// as it is. Code `invalid_state`. Archiving a draft is a deletion, and has its own call.
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
/// Its version.
pub const GENERIC_VERSION: Version = Version::new(1, 0, 0);
/// Who registered it, and whose word lifecycle events are.
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

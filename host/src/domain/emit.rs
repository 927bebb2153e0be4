//! Emits: accepted payloads.

use std::sync::Arc;

use super::{
    event::Event,
    id::{EmitId, OrganizationId, RegistrationId},
    limits::IDEMPOTENCY_KEY_CHARS_MAX,
    name::{EventName, Version},
    time::Time,
};

/// One accepted payload. Its row is the audit record, and the outbox from which it is routed.
#[derive(Clone, Debug)]
pub struct Emit {
    /// Its id: the event's idempotency key wherever it goes.
    pub id: EmitId,
    /// Who emitted it.
    pub organization_id: OrganizationId,
    /// Which registration it was checked against.
    pub registration_id: RegistrationId,
    /// What it is.
    pub event: EventName,
    /// In which version.
    pub version: Version,
    /// The payload, byte for byte as received.
    pub payload: Arc<str>,
    /// The caller's key for replays.
    pub idempotency: Option<Idempotency>,
    /// How many components' emits led to this one.
    pub chain_depth: u32,
    /// The caller service.
    pub emitted_by: String,
    /// When it was accepted.
    pub accepted_at: Time,
}

/// What recognises a repeated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key that the caller chose.
    pub key: String,
    /// SHA-256 of what was asked, in hex: the same key with another request is a mistake.
    pub request_hash: String,
}

impl Idempotency {
    /// Whether a text may be a key.
    pub fn is_key(text: &str) -> bool {
        !text.is_empty() && text.chars().count() <= IDEMPOTENCY_KEY_CHARS_MAX && !text.chars().any(char::is_control)
    }
}

impl Emit {
    /// `TENANT_CUSTOM:<organization>:<namespace>.<name>@<version>`.
    pub fn canonical_name(&self) -> String {
        self.event.canonical(&self.organization_id, self.version)
    }

    /// What components are shown of it.
    pub fn as_event(&self, attributes: Vec<(String, String)>) -> Event {
        Event {
            id: self.id.to_string(),
            canonical_name: self.canonical_name(),
            organization_id: self.organization_id.to_string(),
            namespace: self.event.namespace().to_owned(),
            name: self.event.name().to_owned(),
            version: self.version.to_string(),
            accepted_at_ms: u64::try_from(self.accepted_at.as_millis()).unwrap_or(0),
            payload: self.payload.to_string(),
            attributes,
        }
    }
}

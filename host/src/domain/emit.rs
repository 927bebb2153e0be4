//! Accepted events: payloads that were emitted, and what else goes the same way.

use std::sync::Arc;

use super::{
    id::{EmitId, OrganizationId, PushId, RegistrationId},
    limits::IDEMPOTENCY_KEY_CHARS_MAX,
    name::{EventName, Version},
    time::Time,
};

/// One accepted event. Its row is the audit record, and the outbox from which it is routed.
#[derive(Clone, Debug)]
pub struct Emit {
    /// Its id: the event's idempotency key wherever it goes.
    pub id: EmitId,
    /// Whose event it is.
    pub organization_id: OrganizationId,
    /// What it is.
    pub subject: Subject,
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
    /// The organization's revision under which it was accepted: what was in force then, or what
    /// came later, decides who gets it.
    pub revision: i64,
    /// Where it came from, if it was relayed; it then goes no further than to subscriptions.
    pub source: Option<Source>,
}

/// Where a relayed emit came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The organization that emitted it.
    pub organization_id: OrganizationId,
    /// Because of which push.
    pub push_id: PushId,
}

/// What an accepted event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A payload of a registered event.
    Custom {
        /// Which registration it was checked against.
        registration_id: RegistrationId,
        /// Which event.
        event: EventName,
        /// In which version.
        version: Version,
    },
    /// Something that happened to what an organization has: an event of the platform's catalog.
    Lifecycle(Fact),
    /// An event of another application, taken as it came.
    Ingested(Fact),
}

/// An event that nobody registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name on the bus.
    pub event_type: String,
    /// What it is about.
    pub entity: Option<Entity>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The kind of thing.
    pub kind: String,
    /// Which one.
    pub id: String,
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

impl Subject {
    /// The name that subscriptions match, as events of this organization have it.
    pub fn event_type(&self, organization: &OrganizationId) -> String {
        match self {
            Self::Custom { event, version, .. } => event.canonical(organization, version),
            Self::Lifecycle(fact) | Self::Ingested(fact) => fact.event_type.clone(),
        }
    }

    /// Event and version of a custom event.
    pub fn custom(&self) -> Option<(&EventName, Version)> {
        match self {
            Self::Custom { event, version, .. } => Some((event, *version)),
            Self::Lifecycle(_) | Self::Ingested(_) => None,
        }
    }

    /// What an event is about that nobody registered.
    pub fn entity(&self) -> Option<&Entity> {
        match self {
            Self::Custom { .. } => None,
            Self::Lifecycle(fact) | Self::Ingested(fact) => fact.entity.as_ref(),
        }
    }
}

impl Emit {
    /// The name that subscriptions match: `TENANT_CUSTOM:<organization>:<namespace>.<name>@<version>`,
    /// or the type of an event that nobody registered.
    pub fn event_type(&self) -> String {
        self.subject.event_type(&self.organization_id)
    }
}

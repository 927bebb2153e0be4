//! Emits: accepted events of all kinds, custom, lifecycle, ingested and relayed.

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
    /// Receivers use it as the event's idempotency key.
    pub id: EmitId,
    pub organization_id: OrganizationId,
    pub subject: Subject,
    /// The payload, byte for byte as received.
    pub payload: Arc<str>,
    /// Recognises a repeated request; `None` if the caller sent no key.
    pub idempotency: Option<Idempotency>,
    /// The number of components' emits that led to this one, one causing the next.
    pub chain_depth: u32,
    /// The caller service.
    pub emitted_by: String,
    pub accepted_at: Time,
    /// The organization's revision under which it was accepted; subscriptions and pushes have a revision
    /// since which they get emits.
    pub revision: i64,
    /// Set if the emit was relayed from another organization; it is then not relayed any further.
    pub source: Option<RelaySource>,
}

/// The origin of a relayed emit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelaySource {
    /// The organization that emitted it.
    pub organization_id: OrganizationId,
    /// The push that caused the relay.
    pub push_id: PushId,
}

/// The kind of an accepted event, with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A payload of a registered event.
    Custom {
        /// The registration whose schema the payload was checked against.
        registration_id: RegistrationId,
        event: EventName,
        version: Version,
    },
    /// A change of an object of the organization: an event of the platform's own catalog.
    Lifecycle(Fact),
    /// An event of another application, accepted without a schema.
    Ingested(Fact),
}

/// An event without a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The name that subscriptions match.
    pub event_type: String,
    pub entity: Option<Entity>,
}

/// The object that an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    pub kind: String,
    pub id: String,
}

/// The key by which a repeated request is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key that the caller chose.
    pub key: String,
    /// SHA-256 of the request, in hex: the same key with another request is a mistake.
    pub request_hash: String,
}

impl Idempotency {
    /// Whether a text may be a key.
    pub fn is_key(text: &str) -> bool {
        !text.is_empty() && text.chars().count() <= IDEMPOTENCY_KEY_CHARS_MAX && !text.chars().any(char::is_control)
    }
}

impl Subject {
    /// The name that subscriptions match; the canonical name of a custom event contains its
    /// organization.
    pub fn event_type(&self, organization: &OrganizationId) -> String {
        match self {
            Self::Custom { event, version, .. } => event.canonical(organization, version),
            Self::Lifecycle(fact) | Self::Ingested(fact) => fact.event_type.clone(),
        }
    }

    /// Name and version of a custom event.
    pub fn custom(&self) -> Option<(&EventName, Version)> {
        match self {
            Self::Custom { event, version, .. } => Some((event, *version)),
            Self::Lifecycle(_) | Self::Ingested(_) => None,
        }
    }

    /// The object that an event without a registration is about.
    pub fn entity(&self) -> Option<&Entity> {
        match self {
            Self::Custom { .. } => None,
            Self::Lifecycle(fact) | Self::Ingested(fact) => fact.entity.as_ref(),
        }
    }
}

impl Emit {
    /// The same emit under another revision of its organization.
    #[must_use]
    pub fn at_revision(&self, revision: i64) -> Self {
        Self { revision, ..self.clone() }
    }

    /// The name that subscriptions match: `TENANT_CUSTOM:<organization>:<namespace>.<name>@<version>`,
    /// or the type of an event without a registration.
    pub fn event_type(&self) -> String {
        self.subject.event_type(&self.organization_id)
    }
}

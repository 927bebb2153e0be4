//! Shows an emit to components: as an event whose texts are borrowed, so that the payload is not
//! copied before it enters a guest.

use weir_runtime::Event;

use crate::domain::{
    emit::{Emit, Subject},
    id::{OrganizationId, PushId},
};

/// An emit as components see it, with the texts that the emit itself does not hold.
pub(super) struct EventView<'a> {
    emit: &'a Emit,
    canonical_name: String,
    version: String,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> EventView<'a> {
    /// The view of an emit for one receiver: `push` owes it to an external peer, and `added` are attributes
    /// beside the host's own.
    pub(super) fn of(
        emit: &'a Emit,
        push: Option<&'a PushId>,
        added: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let relayed = match push {
            Some(push) => Some((&emit.organization_id, push)),
            None => emit.source.as_ref().map(|source| (&source.organization_id, &source.push_id)),
        };
        Self::new(emit, relayed, added)
    }

    /// The host's own attributes come before the added ones, so that no router can make an emit pass
    /// for a relay.
    fn new(
        emit: &'a Emit,
        relayed: Option<(&'a OrganizationId, &'a PushId)>,
        added: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let of_relay = relayed.map(|(owner, push)| {
            [
                ("federation-relay", "true"),
                ("source-organization-id", owner.as_str()),
                ("federation-push-id", push.as_str()),
            ]
        });
        let version = emit.subject.custom().map_or_else(String::new, |(_, version)| version.to_string());
        let attributes = of_relay.into_iter().flatten().chain(added).collect();
        Self { emit, canonical_name: emit.event_type(), version, attributes }
    }

    /// The event as components get it. Only custom events have a namespace and a version.
    pub(super) fn event(&self) -> Event<'_> {
        let (namespace, name) = match &self.emit.subject {
            Subject::Custom { event, .. } => (event.namespace(), event.name()),
            Subject::Lifecycle(fact) | Subject::Ingested(fact) => ("", fact.event_type.as_str()),
        };
        Event {
            id: self.emit.id.shown(),
            canonical_name: &self.canonical_name,
            organization_id: self.emit.organization_id.as_str(),
            namespace,
            name,
            version: &self.version,
            accepted_at_ms: u64::try_from(self.emit.accepted_at.as_millis()).unwrap_or(0),
            payload: &self.emit.payload,
            attributes: &self.attributes,
        }
    }
}

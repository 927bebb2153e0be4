//! The body of a delivery: one JSON object, built once, signed and sent as these exact bytes.

use weir_adapter::{
    Event,
    event::{accepted_at, attribute},
    json::Object,
};

/// Bytes of all keys, punctuation and the fixed-length values together, rounded up.
const FRAME_BYTES: usize = 512;

/// The body of a delivery of this event.
pub fn build(event: &Event) -> String {
    let is_custom = !event.namespace.is_empty();
    let mut body = Object::with_capacity(size_hint(event, is_custom));
    body.string("id", &event.id);
    body.string("event", &event.canonical_name);
    body.string("eventType", &event.canonical_name);
    body.string("timestamp", &accepted_at(event));
    body.string("organizationId", &event.organization_id);
    body.json("data", &event.payload);
    if is_custom {
        custom(&mut body, event);
    }
    body.finish()
}

/// Adds the members that only custom events have.
fn custom(body: &mut Object, event: &Event) {
    body.string("namespace", &event.namespace);
    body.string("name", &event.name);
    body.string("version", &event.version);
    body.json("payload", &event.payload);
    body.string("canonicalName", &event.canonical_name);
    body.string("emitId", &event.id);
    body.boolean("isFederationRelay", attribute(event, "federation-relay") == Some("true"));
    body.optional_string("sourceOrganizationId", attribute(event, "source-organization-id"));
}

fn size_hint(event: &Event, is_custom: bool) -> usize {
    let copies = if is_custom { 2 } else { 1 };
    FRAME_BYTES + 3 * event.canonical_name.len() + copies * event.payload.len()
}

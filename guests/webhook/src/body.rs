//! The body of a delivery: one JSON object, built once, signed and sent as these exact bytes.

use jiff::Timestamp;

use crate::{bindings::exports::weir::plugin::delivery::Event, json::Object};

/// Bytes of all keys, punctuation and the fixed-length values together, rounded up.
const FRAME_BYTES: usize = 512;

/// The body of a delivery of this event.
pub fn build(event: &Event) -> String {
    let is_custom = !event.namespace.is_empty();
    let mut body = Object::with_capacity(size_hint(event, is_custom));
    body.string("id", &event.id);
    body.string("event", &event.canonical_name);
    body.string("eventType", &event.canonical_name);
    body.string("timestamp", &iso(event.accepted_at_ms));
    body.string("organizationId", &event.organization_id);
    body.json("data", &event.payload);
    if is_custom {
        custom(&mut body, event);
    }
    body.finish()
}

/// What only custom events have.
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

/// The value of an attribute. The first one wins: the host's own come before those that a router or
/// a transformer added, so nobody can pass an event off as something else.
pub fn attribute<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// `2026-05-06T21:40:48.000Z`, always with three fractional digits.
fn iso(milliseconds: u64) -> String {
    let timestamp = i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", timestamp.unwrap_or(Timestamp::MAX))
}

fn size_hint(event: &Event, is_custom: bool) -> usize {
    let copies = if is_custom { 2 } else { 1 };
    FRAME_BYTES + 3 * event.canonical_name.len() + copies * event.payload.len()
}

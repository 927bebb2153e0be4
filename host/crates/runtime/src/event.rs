//! What a component is shown, and what it answers: the values of `wit/0.1/plugin.wit` as plain types.
//!
//! What is shown is borrowed, so that a payload is copied once, into the guest's memory. What is
//! answered is owned, as it comes out of there.

/// One accepted event, as components see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The id of the emit, from which also the component's random numbers follow.
    pub id: &'a str,
    /// `TENANT_CUSTOM:…`, or the name of a lifecycle event.
    pub canonical_name: &'a str,
    /// The organization whose subscriptions the event is offered to.
    pub organization_id: &'a str,
    /// The part of the name before its first dot; empty for events that have no registration.
    pub namespace: &'a str,
    /// The name without its namespace.
    pub name: &'a str,
    /// Three-part version; empty for events that have no registration.
    pub version: &'a str,
    /// When the host accepted the event, in milliseconds since the Unix epoch.
    pub accepted_at_ms: u64,
    /// The payload as JSON text, byte for byte as received.
    pub payload: &'a str,
    /// Everything else that is known, as names and values.
    pub attributes: &'a [(&'a str, &'a str)],
}

/// A subscription that a router may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The id of the subscription.
    pub subscription_id: &'a str,
    /// Its filter as JSON text, `null` when it has none.
    pub filter: &'a str,
    /// The names and values of its labels.
    pub labels: Vec<(&'a str, &'a str)>,
}

/// A router's choice of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The id of one of the candidates.
    pub subscription_id: String,
    /// How long to wait before the first attempt, in milliseconds.
    pub delay_ms: u64,
    /// Added to the event's attributes for this delivery.
    pub attributes: Vec<(String, String)>,
}

/// A payload in the shape that a transformer gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transformed {
    /// The payload as JSON text.
    pub payload: String,
    /// Added to the event's attributes.
    pub attributes: Vec<(String, String)>,
}

/// The HTTP request that an adapter asks the host to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method in upper case.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// Names and values, in the adapter's order.
    pub headers: Vec<(String, String)>,
    /// The exact bytes to send.
    pub body: Vec<u8>,
}

//! What a component is shown, and what it answers: the values of `wit/0.1/plugin.wit` without
//! wasmtime.

/// One accepted event, as components see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The emit id.
    pub id: String,
    /// `TENANT_CUSTOM:…`, or the name of a lifecycle event.
    pub canonical_name: String,
    /// The organization whose subscriptions the event is offered to.
    pub organization_id: String,
    /// Before the first dot of the name.
    pub namespace: String,
    /// After it.
    pub name: String,
    /// Three-part version.
    pub version: String,
    /// When the host accepted it, in milliseconds since the Unix epoch.
    pub accepted_at_ms: u64,
    /// The payload as JSON text, byte for byte as received.
    pub payload: String,
    /// Everything else that is known.
    pub attributes: Vec<(String, String)>,
}

/// A subscription that a router may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub subscription_id: String,
    /// Its filter as JSON text, `null` when it has none.
    pub filter: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

/// A router's choice of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// One of the candidates.
    pub subscription_id: String,
    /// How long to wait before the first attempt, in milliseconds.
    pub delay_ms: u64,
    /// Added to the event's attributes for this delivery.
    pub attributes: Vec<(String, String)>,
}

/// The HTTP request that an adapter asks the host to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Names and values, in the adapter's order.
    pub headers: Vec<(String, String)>,
    /// The exact bytes to send.
    pub body: Vec<u8>,
}

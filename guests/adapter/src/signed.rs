//! The headers that every request has, whatever its format: what it is, and the signatures in all
//! the ways in which receivers verify them (contract 7.1 and 7.5).
//!
//! The signer is a closure, so that all of this is tested without a host.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{Event, KeyForm, event::attribute};

/// Name and value.
pub type Header = (String, String);

/// A header.
pub fn header(name: &str, value: impl Into<String>) -> Header {
    (name.to_owned(), value.into())
}

/// What says of which event and attempt a request is.
#[must_use]
pub fn identity(event: &Event, user_agent: &str, timestamp: &str) -> Vec<Header> {
    let mut headers = Vec::with_capacity(16);
    headers.push(header("Content-Type", "application/json"));
    headers.push(header("User-Agent", user_agent));
    headers.push(header("X-Event-Id", &event.id));
    headers.push(header("X-Event-Type", &event.canonical_name));
    headers.push(header("X-Event-Timestamp", timestamp));
    if attribute(event, "replay") == Some("true") {
        headers.push(header("X-Weir-Replay", "true"));
    }
    headers
}

/// Hex of the newest secret's signature, the whole secret being the key; nothing without a secret.
pub fn newest(data: &[u8], sign: &impl Fn(KeyForm, &[u8]) -> Vec<Vec<u8>>) -> Option<String> {
    sign(KeyForm::Text, data).first().map(hex::encode)
}

/// The platform's three headers. Receivers of each of them exist. `of_event` stands in the first
/// one instead of the body's signature, if there is one.
#[must_use]
pub fn platform(of_body: &str, of_event: Option<String>) -> [Header; 3] {
    let of_body = format!("sha256={of_body}");
    [
        header("X-Event-Signature", of_event.unwrap_or_else(|| of_body.clone())),
        header("X-Caldera-Signature", of_body.clone()),
        header("X-Platformxe-Signature", of_body),
    ]
}

/// The Standard Webhooks trio. All live secrets sign, so a receiver may hold either of them while
/// a secret is rotated; secrets that are not of that standard's form sign nothing.
pub fn standard_webhooks(
    id: &str,
    timestamp: String,
    body: &str,
    sign: &impl Fn(KeyForm, &[u8]) -> Vec<Vec<u8>>,
) -> Vec<Header> {
    let signatures = sign(KeyForm::Decoded, &joined(&[id, &timestamp, body]));
    let signatures: Vec<_> = signatures.iter().map(|signature| format!("v1,{}", STANDARD.encode(signature))).collect();
    let mut headers = vec![header("webhook-id", id), header("webhook-timestamp", timestamp)];
    if !signatures.is_empty() {
        headers.push(header("webhook-signature", signatures.join(" ")));
    }
    headers
}

/// The parts with dots between them.
#[must_use]
pub fn joined(parts: &[&str]) -> Vec<u8> {
    parts.join(".").into_bytes()
}

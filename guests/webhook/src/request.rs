//! The HTTP request of a delivery: method, headers and signatures around the body.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    bindings::{
        exports::weir::plugin::delivery::{Event, Request},
        weir::plugin::signing::KeyForm,
    },
    body::{self, attribute},
    config::{Config, SignatureScheme},
};

const USER_AGENT: &str = concat!("Weir/", env!("CARGO_PKG_VERSION"));

/// The request that delivers `event`. `sign` gives one HMAC-SHA256 per live secret, newest first.
pub fn build(
    event: &Event,
    target_url: String,
    attempted_at_s: u64,
    config: Config,
    sign: impl Fn(KeyForm, &[u8]) -> Vec<Vec<u8>>,
) -> Request {
    let body = body::build(event);
    let timestamp = attempted_at_s.to_string();
    let mut headers = identity(event, &timestamp);
    headers.extend(platform_signatures(config.scheme, &timestamp, &body, &sign));
    headers.extend(standard_webhooks(&event.id, timestamp, &body, &sign));
    Request { method: "POST".to_owned(), url: target_url, headers, body: body.into_bytes() }
}

type Header = (String, String);

fn header(name: &str, value: impl Into<String>) -> Header {
    (name.to_owned(), value.into())
}

/// Everything that is not signed.
fn identity(event: &Event, timestamp: &str) -> Vec<Header> {
    let mut headers = Vec::with_capacity(12);
    headers.push(header("Content-Type", "application/json"));
    headers.push(header("User-Agent", USER_AGENT));
    headers.push(header("X-Event-Id", &event.id));
    headers.push(header("X-Event-Type", &event.canonical_name));
    headers.push(header("X-Event-Timestamp", timestamp));
    if attribute(event, "replay") == Some("true") {
        headers.push(header("X-Weir-Replay", "true"));
    }
    headers
}

/// The platform's three headers. Receivers of each of them exist, and all sign with the newest
/// secret as a text; without a secret there is nothing to send.
fn platform_signatures(
    scheme: SignatureScheme,
    timestamp: &str,
    body: &str,
    sign: &impl Fn(KeyForm, &[u8]) -> Vec<Vec<u8>>,
) -> Vec<Header> {
    let newest = |data: &[u8]| sign(KeyForm::Text, data).first().map(hex::encode);
    let Some(of_body) = newest(body.as_bytes()).map(|hex| format!("sha256={hex}")) else { return Vec::new() };
    let of_event = match scheme {
        SignatureScheme::Body => Some(of_body.clone()),
        SignatureScheme::Timestamped => newest(&joined(&[timestamp, body])),
    };
    let mut headers = Vec::with_capacity(3);
    headers.extend(of_event.map(|signature| header("X-Event-Signature", signature)));
    headers.push(header("X-Caldera-Signature", of_body.clone()));
    headers.push(header("X-Platformxe-Signature", of_body));
    headers
}

/// The Standard Webhooks trio. All live secrets sign, so a receiver may hold either of them while
/// a secret is rotated; secrets that are not of that standard's form sign nothing.
fn standard_webhooks(
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
fn joined(parts: &[&str]) -> Vec<u8> {
    parts.join(".").into_bytes()
}

#[cfg(test)]
mod tests;

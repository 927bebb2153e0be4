//! Builds the HTTP request of a delivery: method, headers and signatures around the body.

use weir_adapter::{Event, KeyForm, Request, signed};

use crate::{
    body,
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
    let mut headers = signed::identity(event, USER_AGENT, &timestamp);
    if let Some(of_body) = signed::newest(body.as_bytes(), &sign) {
        let of_event = match config.scheme {
            SignatureScheme::Body => None,
            SignatureScheme::Timestamped => signed::newest(&signed::joined(&[&timestamp, &body]), &sign),
        };
        headers.extend(signed::platform(&of_body, of_event));
    }
    headers.extend(signed::standard_webhooks(&event.id, timestamp, &body, &sign));
    Request { method: "POST".to_owned(), url: target_url, headers, body: body.into_bytes() }
}

#[cfg(test)]
mod tests;

//! The events that are sent, each with a number of its own.

use bytes::Bytes;
use serde_json::{Value, json};

/// The namespace of the events that are measured.
pub(crate) const NAMESPACE: &str = "bench";
/// Bytes of a payload that is measured.
pub(crate) const PAYLOAD_BYTES: usize = 1_024;

/// Numbers begin here, so that all have the same number of digits and can be written in place.
const FIRST: u32 = 1_000_000_000;
const DIGITS: usize = 10;
const MEMBER: &[u8] = b"\"sequence\":";

/// The body of an emit, but for its number.
#[derive(Clone)]
pub(crate) struct Message {
    body: Vec<u8>,
    /// The place of the number; `None` for a payload without one.
    number_at: Option<usize>,
}

impl Message {
    /// Emits of `bench.<name>`, numbered.
    pub(crate) fn new(name: &str) -> Self {
        Self::with_payload(&format!("{NAMESPACE}.{name}"), &payload(PAYLOAD_BYTES))
    }

    /// Emits of an event with one and the same payload, but for its number if it has one.
    pub(crate) fn with_payload(event: &str, payload: &Value) -> Self {
        let body = format!(r#"{{"name":"{event}","payload":{payload}}}"#).into_bytes();
        let number_at = position(&body);
        Self { body, number_at }
    }

    /// The body with a number.
    pub(crate) fn numbered(&self, number: u32) -> Bytes {
        let mut body = self.body.clone();
        if let Some(at) = self.number_at {
            body[at..at + DIGITS].copy_from_slice((FIRST + number).to_string().as_bytes());
        }
        body.into()
    }
}

/// The number of an event, from an emit or from a delivery.
pub(crate) fn number_in(body: &[u8]) -> Option<u32> {
    let at = position(body)?;
    let digits = std::str::from_utf8(body.get(at..at + DIGITS)?).ok()?;
    digits.parse::<u32>().ok()?.checked_sub(FIRST)
}

fn position(body: &[u8]) -> Option<usize> {
    let found = body.windows(MEMBER.len()).position(|window| window == MEMBER);
    found.map(|at| at + MEMBER.len())
}

/// An order as a shop would send it, with a note that fills it up.
fn payload(bytes: usize) -> Value {
    let mut payload = json!({
        "sequence": FIRST,
        "orderId": "ord_01jd9f7k3m5x8r2v6w4t1y0b3c",
        "customer": { "id": "cus_8842", "email": "ada@example.com", "country": "NG", "isBusiness": false },
        "items": [
            { "sku": "A-100", "quantity": 2, "price": 1999, "title": "Notebook, dotted, A5" },
            { "sku": "B-204", "quantity": 1, "price": 450, "title": "Pencil \"HB\"" },
        ],
        "total": 4448,
        "currency": "NGN",
        "placedAt": "2026-05-06T21:40:48.000Z",
        "note": "",
    });
    let missing = bytes.saturating_sub(payload.to_string().len());
    payload["note"] = "please leave it at the door. ".chars().cycle().take(missing).collect::<String>().into();
    payload
}

/// The schema of the events that are measured.
pub(crate) fn schema() -> Value {
    let item = json!({
        "type": "object",
        "required": ["sku", "quantity", "price"],
        "properties": {
            "sku": { "type": "string", "minLength": 1 },
            "quantity": { "type": "integer", "minimum": 1 },
            "price": { "type": "integer", "minimum": 0 },
            "title": { "type": "string" },
        },
    });
    json!({
        "type": "object",
        "required": ["sequence", "orderId", "items", "total"],
        "properties": {
            "sequence": { "type": "integer" },
            "orderId": { "type": "string", "minLength": 1 },
            "customer": { "type": "object", "properties": { "email": { "type": "string" } } },
            "items": { "type": "array", "items": item },
            "total": { "type": "integer" },
            "currency": { "type": "string", "enum": ["NGN", "EUR", "USD"] },
            "note": { "type": "string" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_place_and_found_again() {
        let message = Message::new("order.placed");
        for number in [0, 7, 123_456_789] {
            let body = message.numbered(number);
            assert_eq!(number_in(&body), Some(number));
            let sent: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(sent["payload"].to_string().len(), PAYLOAD_BYTES);
        }
        assert_eq!(number_in(b"{}"), None);
        assert_eq!(number_in(b"\"sequence\":12"), None);
    }
}

//! The HTTP request of a relay.

use weir_adapter::{
    Event, KeyForm, Request,
    event::{accepted_at, attribute},
    json::Object,
    signed::{self, header},
};

/// What receivers know the sender of relays by.
const USER_AGENT: &str = "PlatformXe-Federation-Relay/1.0";
/// Bytes of all keys, punctuation and the fixed-length values together, rounded up.
const FRAME_BYTES: usize = 384;

/// The request that relays `event`. `sign` gives one HMAC-SHA256 per live secret, newest first.
///
/// # Errors
///
/// An event that is not relayed because of a push has no request.
pub fn build(
    event: &Event,
    target_url: String,
    attempted_at_s: u64,
    sign: impl Fn(KeyForm, &[u8]) -> Vec<Vec<u8>>,
) -> Result<Request, String> {
    let push = attribute(event, "federation-push-id").ok_or("the event is not relayed because of a push")?;
    let body = body(event, push);
    let timestamp = attempted_at_s.to_string();
    let mut headers = signed::identity(event, USER_AGENT, &timestamp);
    headers.push(header("X-Caldera-Event-Type", format!("{}.{}@{}", event.namespace, event.name, event.version)));
    headers.push(header("X-Caldera-Federation-Push-Id", push));
    headers.push(header("X-Caldera-Emit-Id", &event.id));
    if let Some(of_body) = signed::newest(body.as_bytes(), &sign) {
        headers.extend(signed::platform(&of_body, None));
    }
    headers.extend(signed::standard_webhooks(&event.id, timestamp, &body, &sign));
    Ok(Request { method: "POST".to_owned(), url: target_url, headers, body: body.into_bytes() })
}

/// One JSON object, built once, signed and sent as these exact bytes.
fn body(event: &Event, push: &str) -> String {
    let mut body = Object::with_capacity(FRAME_BYTES + event.payload.len());
    body.string("namespace", &event.namespace);
    body.string("name", &event.name);
    body.string("version", &event.version);
    body.json("payload", &event.payload);
    body.string("federationPushId", push);
    body.string("emitId", &event.id);
    body.boolean("isFederationRelay", true);
    body.string("timestamp", &accepted_at(event));
    body.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(attributes: &[(&str, &str)]) -> Event {
        Event {
            id: "evt_1".to_owned(),
            canonical_name: "TENANT_CUSTOM:org_a:lettings.property.favorited@1.0.0".to_owned(),
            organization_id: "org_a".to_owned(),
            namespace: "lettings".to_owned(),
            name: "property.favorited".to_owned(),
            version: "1.0.0".to_owned(),
            accepted_at_ms: 1_778_103_648_000,
            payload: "{ \"a\" : 1.0 }".to_owned(),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    /// "Signs" with the form of the key, so that a test sees what was signed how.
    fn sign(form: KeyForm, data: &[u8]) -> Vec<Vec<u8>> {
        let form = if form == KeyForm::Text { "text " } else { "decoded " };
        vec![[form.as_bytes(), data].concat()]
    }

    fn build_with(attributes: &[(&str, &str)]) -> Result<Request, String> {
        build(&event(attributes), "https://peer.example/in".to_owned(), 1_778_103_700, sign)
    }

    fn value<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        request.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_body_has_eight_members_and_the_payload_as_it_was_sent() {
        let request = build_with(&[("federation-push-id", "cefp_1")]).expect("it is pushed");
        let expected = concat!(
            r#"{"namespace":"lettings","name":"property.favorited","version":"1.0.0","payload":{ "a" : 1.0 },"#,
            r#""federationPushId":"cefp_1","emitId":"evt_1","isFederationRelay":true,"#,
            r#""timestamp":"2026-05-06T21:40:48.000Z"}"#,
        );
        assert_eq!(std::str::from_utf8(&request.body), Ok(expected));
    }

    #[test]
    fn headers_say_what_it_is() {
        let request = build_with(&[("federation-push-id", "cefp_1")]).expect("it is pushed");
        for (name, expected) in [
            ("Content-Type", "application/json"),
            ("User-Agent", "PlatformXe-Federation-Relay/1.0"),
            ("X-Caldera-Event-Type", "lettings.property.favorited@1.0.0"),
            ("X-Caldera-Federation-Push-Id", "cefp_1"),
            ("X-Caldera-Emit-Id", "evt_1"),
            ("X-Event-Id", "evt_1"),
            ("X-Event-Type", "TENANT_CUSTOM:org_a:lettings.property.favorited@1.0.0"),
            ("X-Event-Timestamp", "1778103700"),
            ("webhook-id", "evt_1"),
            ("webhook-timestamp", "1778103700"),
        ] {
            assert_eq!(value(&request, name), Some(expected), "{name}");
        }
        let replayed = build_with(&[("federation-push-id", "cefp_1"), ("replay", "true")]).expect("it is pushed");
        let replay = |request: &Request| value(request, "X-Weir-Replay").map(str::to_owned);
        assert_eq!((replay(&request), replay(&replayed)), (None, Some("true".to_owned())));
    }

    #[test]
    fn the_whole_secret_signs_the_body() {
        let request = build_with(&[("federation-push-id", "cefp_1")]).expect("it is pushed");
        let signed = [b"text ".as_slice(), &request.body].concat();
        let hex = hex::encode(signed);
        for name in ["X-Caldera-Signature", "X-Platformxe-Signature", "X-Event-Signature"] {
            assert_eq!(value(&request, name), Some(format!("sha256={hex}").as_str()), "{name}");
        }
        assert!(value(&request, "webhook-signature").is_some_and(|signature| signature.starts_with("v1,")));
    }

    #[test]
    fn what_was_not_pushed_is_no_relay() {
        assert!(build_with(&[("federation-relay", "true")]).is_err());
    }
}

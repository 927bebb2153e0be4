//! The built-in router and webhook adapter in the sandbox: one request of each kind, verified as a
//! receiver would. The adapter's own tests cover every case.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use weir::domain::limits;
use weir_runtime::{BuiltIn, Candidate, DeliveryCall, Event, Failure, KeyForm, Outcome, Request, Sign};

use super::{TARGET_URL, candidates, delivery_call, event, router_call, runtime};
use crate::support::receiver::hmac;

/// Two live secrets, the newest first: texts, and what they decode to.
const SECRETS: [(&str, &[u8]); 2] = [("whsec_bmV3", b"new"), ("whsec_b2xk", b"old")];

struct Rotating;

impl Sign for Rotating {
    fn hmac_sha256(&self, form: KeyForm, data: &[u8]) -> Vec<[u8; 32]> {
        let key = |(text, decoded): &(&'static str, &'static [u8])| match form {
            KeyForm::Text => text.as_bytes(),
            KeyForm::Decoded => decoded,
        };
        SECRETS.iter().map(|secret| hmac(key(secret), &[data]).try_into().expect("32 bytes")).collect()
    }
}

fn prepare(config: &str) -> Result<Request, Failure> {
    let call = DeliveryCall { config: config.into(), ..delivery_call() };
    prepared(&call, &event()).result
}

fn prepared(call: &DeliveryCall, event: &Event<'_>) -> Outcome<Request> {
    runtime().prepare(runtime().builtin(BuiltIn::Webhook), call, event, TARGET_URL, Arc::new(Rotating))
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    let mut values = request.headers.iter().filter(|(found, _)| found == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => value,
        _ => panic!("{name} is not there once"),
    }
}

#[test]
fn the_router_passes_every_candidate_on() {
    let router = runtime().builtin(BuiltIn::Router);
    let outcome = runtime().route(router, &router_call("org_a"), &event(), &candidates());
    let destinations = outcome.result.expect("routes");
    let chosen: Vec<_> = destinations.iter().map(|d| (d.subscription_id.as_str(), d.delay_ms)).collect();
    assert_eq!(chosen, [("evs_1", 0), ("evs_2", 0)]);
    assert!(outcome.fuel > 0 && outcome.memory_bytes > 0);
}

#[test]
fn a_delivery_verifies_in_every_way_that_receivers_know() {
    let request = prepare("{}").expect("prepares");
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", TARGET_URL));

    let of_body = format!("sha256={}", hex::encode(hmac(b"whsec_bmV3", &[&request.body])));
    for name in ["X-Event-Signature", "X-Caldera-Signature", "X-Platformxe-Signature"] {
        assert_eq!(header(&request, name), of_body, "{name}");
    }
    let id = header(&request, "webhook-id");
    let signed = [id.as_bytes(), b".", header(&request, "webhook-timestamp").as_bytes(), b".", &request.body].concat();
    let standard = |key| format!("v1,{}", STANDARD.encode(hmac(key, &[&signed])));
    assert_eq!(header(&request, "webhook-signature"), format!("{} {}", standard(b"new"), standard(b"old")));
    assert_eq!(header(&request, "webhook-timestamp"), "1778103700");
    assert_eq!(header(&request, "X-Event-Timestamp"), "1778103700");
}

#[test]
fn the_timestamped_scheme_changes_one_header() {
    let plain = prepare("{}").expect("prepares");
    let request = prepare(r#"{"signatureScheme":"timestamped"}"#).expect("prepares");
    let signed = [header(&request, "X-Event-Timestamp").as_bytes(), b".", &request.body].concat();
    assert_eq!(header(&request, "X-Event-Signature"), hex::encode(hmac(b"whsec_bmV3", &[&signed])));
    let others = |request: &Request| -> Vec<_> {
        request.headers.iter().filter(|(name, _)| name != "X-Event-Signature").cloned().collect()
    };
    assert_eq!((others(&request), &request.body), (others(&plain), &plain.body));
}

#[test]
fn a_delivery_carries_the_event() {
    let request = prepare("{}").expect("prepares");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    let name = "TENANT_CUSTOM:org_a:lettings.property.favorited@1.0.0";
    let id = "evt_01jd0000000000000000000000";
    let expected = json!({
        "id": id, "event": name, "eventType": name, "timestamp": "2026-05-06T21:40:48.120Z",
        "organizationId": "org_a", "data": { "propertyId": "p_1" },
        "namespace": "lettings", "name": "property.favorited", "version": "1.0.0",
        "payload": { "propertyId": "p_1" }, "canonicalName": name, "emitId": id,
        "isFederationRelay": false, "sourceOrganizationId": null,
    });
    assert_eq!(body, expected);
    assert_eq!((header(&request, "X-Event-Id"), header(&request, "X-Event-Type")), (id, name));
}

#[test]
fn the_largest_payload_fits_a_delivery() {
    let payload = format!("\"{}\"", "x".repeat(limits::PAYLOAD_BYTES_MAX - 2));
    let event = Event { payload: &payload, ..event() };
    let request = prepared(&delivery_call(), &event).result.expect("prepares");
    assert!(request.body.len() > 2 * limits::PAYLOAD_BYTES_MAX);
}

#[test]
fn the_router_takes_as_many_candidates_as_it_may_get() {
    let count = limits::ROUTER_CANDIDATES_MAX;
    let ids: Vec<_> = (0..count).map(|number| format!("evs_{number:026}")).collect();
    let candidate = |id| Candidate { subscription_id: id, filter: "null", labels: Vec::new() };
    let candidates: Vec<_> = ids.iter().map(String::as_str).map(candidate).collect();
    let outcome = runtime().route(runtime().builtin(BuiltIn::Router), &router_call("org_a"), &event(), &candidates);
    assert_eq!(outcome.result.expect("routes").len(), count);
}

#[test]
fn a_broken_configuration_is_a_refusal() {
    assert!(matches!(prepare("{"), Err(Failure::Reject(_))));
}

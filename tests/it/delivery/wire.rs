//! The request of a delivery on the wire (contract 7.1, 7.5).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{Receiver, Reply, TestApp, receiver::hmac};

#[tokio::test]
async fn a_delivery_carries_the_event_and_verifies_with_every_scheme() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    acme.register("order.placed", "1.0.0").await;
    let name = format!("{}.order.placed", acme.namespace);
    let (_, secret) = acme.subscribe(&name, &receiver.url("/hook?a=1")).await;
    let emit = acme.emit(&name, json!({ "b": 1, "a": [1.0, "é"] })).await;
    app.settle().await;

    let requests = receiver.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    let canonical = format!("TENANT_CUSTOM:{}:{name}@1.0.0", acme.id);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook?a=1"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-event-id"), Some(emit.as_str()));
    assert_eq!(request.header("x-event-type"), Some(canonical.as_str()));
    assert_eq!(request.header("x-weir-replay"), None);
    let timestamp = app.clock.now().as_seconds().to_string();
    assert_eq!(request.header("x-event-timestamp"), Some(timestamp.as_str()));

    let platform = format!("sha256={}", hex::encode(hmac(secret.as_bytes(), &[&request.body])));
    for header in ["x-event-signature", "x-caldera-signature", "x-platformxe-signature"] {
        assert_eq!(request.header(header), Some(platform.as_str()), "{header}");
    }
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("the prefix")).expect("base64");
    let signed = format!("{emit}.{timestamp}.");
    let standard = format!("v1,{}", STANDARD.encode(hmac(&key, &[signed.as_bytes(), &request.body])));
    assert_eq!(request.header("webhook-id"), Some(emit.as_str()));
    assert_eq!(request.header("webhook-timestamp"), Some(timestamp.as_str()));
    assert_eq!(request.header("webhook-signature"), Some(standard.as_str()));

    let body = request.json();
    let expected = json!({
        "id": emit, "event": canonical, "eventType": canonical, "timestamp": "2026-05-06T12:00:00.000Z",
        "organizationId": acme.id, "namespace": acme.namespace, "name": "order.placed", "version": "1.0.0",
        "canonicalName": canonical, "emitId": emit, "isFederationRelay": false, "sourceOrganizationId": null,
        "data": { "b": 1, "a": [1.0, "é"] }, "payload": { "b": 1, "a": [1.0, "é"] },
    });
    assert_eq!(body, expected);
    app.stop().await;
}

#[tokio::test]
async fn a_payload_arrives_byte_for_byte() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let payload = r#"{ "kind":"k",  "n": 1.00, "big": 12345678901234567890, "e":1E2, "u":"\u00e9\n", "z":1, "a":2 }"#;
    let body = format!(r#"{{"name":"platformxe.generic","payload":{payload}}}"#);
    acme.send("POST", "/api/v1/events/custom/emit", Some(body)).await.accepted();
    app.settle().await;
    let text = String::from_utf8(receiver.requests()[0].body.clone()).expect("UTF-8");
    assert!(
        text.contains(&format!(r#""data":{payload}"#)) && text.contains(&format!(r#""payload":{payload}"#)),
        "{text}"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_secret_of_another_form_gets_no_standard_signature() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    let body =
        json!({ "eventTypes": ["TENANT_CUSTOM:*"], "webhookUrl": receiver.url("/"), "secret": "not base64 at all" });
    acme.post("/api/v1/event-subscriptions", body).await.created();
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let requests = receiver.requests();
    let platform = format!("sha256={}", hex::encode(hmac(b"not base64 at all", &[&requests[0].body])));
    assert_eq!(requests[0].header("x-event-signature"), Some(platform.as_str()));
    assert_eq!(requests[0].header("webhook-signature"), None);
    app.stop().await;
}

#[tokio::test]
async fn every_matching_subscription_gets_the_event_once_and_no_other_does() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (acme, other) = (app.organization("PRO").await, app.organization("PRO").await);
    acme.register("order", "1.0.0").await;
    acme.register("order", "1.1.0").await;
    let name = format!("{}.order", acme.namespace);
    let canonical = |version: &str| format!("TENANT_CUSTOM:{}:{name}@{version}", acme.id);
    for (path, types) in [
        ("/exact", vec![canonical("1.1.0")]),
        ("/all", vec![canonical("*")]),
        ("/twice", vec![canonical("1.1.0"), canonical("*"), "TENANT_CUSTOM:*".to_owned()]),
        ("/pattern", vec![format!("TENANT_CUSTOM:{}:*", acme.id)]),
        ("/older", vec![canonical("1.0.0")]),
        ("/other-name", vec![format!("TENANT_CUSTOM:{}:{name}s@*", acme.id)]),
    ] {
        let body = json!({ "eventTypes": types, "webhookUrl": receiver.url(path) });
        acme.post("/api/v1/event-subscriptions", body).await.created();
    }
    let paused = json!({ "eventTypes": ["*"], "webhookUrl": receiver.url("/paused"), "isActive": false });
    acme.post("/api/v1/event-subscriptions", paused).await.created();
    let foreign = json!({ "eventTypes": [canonical("*"), "*"], "webhookUrl": receiver.url("/foreign") });
    other.post("/api/v1/event-subscriptions", foreign).await.created();

    acme.emit(&name, json!({})).await;
    app.settle().await;
    let mut paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    assert_eq!(paths, ["/all", "/exact", "/pattern", "/twice"]);
    app.stop().await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/first")).await;
    receiver.then(Reply::status(302).with_header("location", &receiver.url("/second")));
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/first"]);
    let delivery = acme.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["attempts"][0]["responseStatus"]), (&json!("RETRYING"), &json!(302)));
    app.stop().await;
}

#[tokio::test]
async fn an_attempt_keeps_the_beginning_of_a_refusal_and_nothing_of_a_success() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    receiver.then(Reply::status(500).with_body("x".repeat(100_000)));
    receiver.then(Reply::status(200).with_body("thank you"));
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(std::time::Duration::from_mins(1));
    app.settle().await;
    let delivery = acme.only_delivery().await;
    let snippet = delivery["attempts"][0]["responseSnippet"].as_str().expect("a snippet");
    assert!(!snippet.is_empty() && snippet.len() <= 1_024, "{} bytes", snippet.len());
    assert_eq!(delivery["attempts"][1]["responseSnippet"], Value::Null);
    assert_eq!(delivery["status"], "SUCCESS");
    app.stop().await;
}

//! Lifecycle events: contract 2 (bus events) and 7.4.

use serde_json::{Value, json};
use weir::{
    domain::limits::{CHAIN_DEPTH_MAX, REFUSALS_ANNOUNCED_MAX},
    error::Code,
    service::{
        access,
        event::emit::{self, EmitRequest},
    },
};

use crate::support::{Client, Receiver, Reply, TestApp, client::text, receiver::Received};

/// The lifecycle events of the log in the order in which they happened.
async fn log(client: &Client) -> Vec<(String, Value)> {
    let log = client.event_log("sourceApp=platform").await;
    log.into_iter().map(|item| (text(&item["eventType"]), item)).collect()
}

fn names(log: &[(String, Value)]) -> Vec<&str> {
    log.iter().map(|(name, _)| name.as_str()).collect()
}

async fn subscribe(client: &Client, event_types: Value, url: &str) {
    let body = json!({ "eventTypes": event_types, "webhookUrl": url });
    client.post("/api/v1/event-subscriptions", body).await.created();
}

#[tokio::test]
async fn a_registration_says_each_of_its_steps_in_order() {
    let app = TestApp::start().await;
    let acme = app.organization("PRO").await;
    let id = acme.register("order.placed", "1.0.0").await;
    acme.delete(&format!("/api/v1/events/custom/{id}")).await.ok();
    let log = log(&acme).await;
    assert_eq!(
        names(&log),
        [
            "CUSTOM_EVENT_GENERIC_SEEDED",
            "CUSTOM_EVENT_REQUESTED",
            "CUSTOM_EVENT_VALIDATED",
            "CUSTOM_EVENT_PERSISTED",
            "CUSTOM_EVENT_MATERIALISED",
            "CUSTOM_EVENT_REGISTERED",
            "CUSTOM_EVENT_INVALIDATED",
        ]
    );
    for (_, item) in &log[1..] {
        assert_eq!((&item["entityType"], &item["entityId"]), (&json!("custom_event"), &json!(id)));
        let payload = &item["payload"];
        assert_eq!(payload["organizationId"], acme.id);
        assert_eq!(payload["registrationId"], id);
        assert_eq!(payload["namespace"], acme.namespace);
        assert_eq!(payload["name"], "order.placed");
        assert_eq!(payload["version"], "1.0.0");
        let canonical = format!("TENANT_CUSTOM:{}:{}.order.placed@1.0.0", acme.id, acme.namespace);
        assert_eq!(payload["canonicalName"], canonical);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_refused_registration_says_why() {
    let app = TestApp::start().await;
    let free = app.organization("FREE").await;
    let body =
        |version: &str| json!({ "namespace": free.namespace, "name": "a.b", "version": version, "payloadSchema": {} });
    free.post("/api/v1/events/custom", body("1.0.0")).await.refused(402, "registration_quota_exceeded");
    free.post("/api/v1/events/custom", body("one")).await.refused(400, "invalid_version_format");
    let log = log(&free).await;
    assert_eq!(
        names(&log)[1..],
        [
            "CUSTOM_EVENT_REQUESTED",
            "CUSTOM_EVENT_QUOTA_EXCEEDED",
            "CUSTOM_EVENT_REQUESTED",
            "CUSTOM_EVENT_VALIDATION_FAILED"
        ]
    );
    assert_eq!(log[2].1["payload"]["errorCode"], "registration_quota_exceeded");
    assert_eq!(log[4].1["payload"]["errorCode"], "invalid_version_format");
    assert_eq!(log[4].1["payload"]["version"], Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn lifecycle_events_reach_subscriptions_by_name_and_by_wildcard() {
    let (app, exact, wild) = (TestApp::start().await, Receiver::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    app.settle().await;
    subscribe(&acme, json!(["CUSTOM_EVENT_REGISTERED"]), &exact.url("/")).await;
    subscribe(&acme, json!(["CUSTOM_EVENT_*"]), &wild.url("/")).await;
    let id = acme.register("order.placed", "1.0.0").await;
    app.settle().await;
    let [delivered] = &exact.requests()[..] else { panic!("one event is wanted") };
    let body = delivered.json();
    assert_eq!(
        (&body["event"], &body["eventType"]),
        (&json!("CUSTOM_EVENT_REGISTERED"), &json!("CUSTOM_EVENT_REGISTERED"))
    );
    assert_eq!(body["data"]["registrationId"], id);
    assert_eq!(delivered.header("x-event-type"), Some("CUSTOM_EVENT_REGISTERED"));
    assert_eq!(delivered.header("x-event-id"), body["id"].as_str());
    // Headers that only custom events have are absent.
    for member in ["namespace", "name", "version", "payload", "canonicalName", "emitId", "isFederationRelay"] {
        assert!(body.get(member).is_none(), "{member}");
    }
    assert_eq!(wild.requests().len(), 5);
    app.stop().await;
}

#[tokio::test]
async fn a_lifecycle_event_never_leads_to_another() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    app.settle().await;
    subscribe(&acme, json!(["*"]), &receiver.url("/")).await;
    acme.register("order.placed", "1.0.0").await;
    app.settle().await;
    assert_eq!(receiver.requests().len(), 5, "deliveries of lifecycle events lead to no others");
    app.stop().await;
}

#[tokio::test]
async fn lifecycle_events_of_an_emit_reach_subscriptions_to_them() {
    let (app, receiver, events) = (TestApp::start().await, Receiver::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    let (subscription, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    subscribe(&acme, json!(["CUSTOM_EVENT_EMIT_*", "CUSTOM_EVENT_EMIT_DELIVERED"]), &events.url("/")).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let mut said: Vec<Value> = events.requests().iter().map(Received::json).collect();
    said.sort_by_key(|body| text(&body["id"]));
    let order: Vec<&str> = said.iter().filter_map(|body| body["event"].as_str()).collect();
    assert_eq!(order, ["CUSTOM_EVENT_EMIT_REQUESTED", "CUSTOM_EVENT_EMIT_RELAYED", "CUSTOM_EVENT_EMIT_DELIVERED"]);
    for body in &said {
        assert_eq!(body["data"]["emitId"], emit);
        assert_eq!(body["data"]["organizationId"], acme.id);
        assert_eq!(body["data"]["name"], "generic");
    }
    assert_eq!(said[2]["data"]["subscriptionId"], subscription);
    app.stop().await;
}

/// Otherwise one event would lead to as many deliveries as the square of the subscriptions to everything.
#[tokio::test]
async fn outcomes_of_deliveries_reach_only_subscriptions_that_name_them() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    app.settle().await;
    for _ in 0..3 {
        subscribe(&acme, json!(["*", "CUSTOM_EVENT_EMIT_*"]), &receiver.url("/wild")).await;
    }
    subscribe(&acme, json!(["CUSTOM_EVENT_EMIT_DELIVERED"]), &receiver.url("/exact")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let count = |path: &str, name: &str| {
        let is_it = |request: &&Received| request.path == path && request.header("x-event-type") == Some(name);
        receiver.requests().iter().filter(is_it).count()
    };
    assert_eq!(count("/wild", "CUSTOM_EVENT_EMIT_REQUESTED"), 3);
    assert_eq!(count("/wild", "CUSTOM_EVENT_EMIT_DELIVERED"), 0);
    assert_eq!(count("/exact", "CUSTOM_EVENT_EMIT_DELIVERED"), 3);
    app.stop().await;
}

#[tokio::test]
async fn a_dead_letter_is_announced_with_its_reason() {
    let (app, receiver, events) = (TestApp::with_retries("").await, Receiver::start().await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("PRO").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    subscribe(&acme, json!(["CUSTOM_EVENT_EMIT_DELIVERY_FAILED"]), &events.url("/")).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let [said] = &events.requests()[..] else { panic!("one delivery failed") };
    assert_eq!(said.json()["data"]["emitId"], emit);
    assert_eq!(said.json()["data"]["errorMessage"], "the endpoint answered 500");
    app.stop().await;
}

#[tokio::test]
async fn lifecycle_events_of_emits_are_stored_for_subscriptions_only() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert_eq!(names(&log(&acme).await), ["CUSTOM_EVENT_GENERIC_SEEDED"]);
    app.stop().await;
}

/// The log shows lifecycle events that no subscription listened for: it derives them from emits and
/// deliveries.
#[tokio::test]
async fn the_events_of_emits_are_derived_for_the_log() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.then(Reply::status(200)).then(Reply::status(500));
    let acme = app.organization("PRO").await;
    let globex = app.organization("PRO").await;
    let (subscription, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let first = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(std::time::Duration::from_secs(1));
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    for (name, count) in [
        ("CUSTOM_EVENT_EMIT_REQUESTED", 2),
        ("CUSTOM_EVENT_EMIT_RELAYED", 2),
        ("CUSTOM_EVENT_EMIT_DELIVERED", 1),
        ("CUSTOM_EVENT_EMIT_DELIVERY_FAILED", 0),
    ] {
        let path = format!("/api/v1/event-log?eventType={name}");
        let log = acme.get(&path).await.ok();
        assert_eq!(log["total"], count, "{name}");
        assert_eq!(log["items"].as_array().map(Vec::len), Some(count), "{name}");
        let Some(oldest) = log["items"].as_array().and_then(|items| items.last()) else { continue };
        assert_eq!((&oldest["eventType"], &oldest["entityId"]), (&json!(name), &json!(first)));
        assert_eq!(oldest["payload"]["emitId"], first);
        assert_eq!(globex.get(&path).await.ok()["total"], 0);
        assert_eq!(acme.get(&format!("{path}&sourceApp=other")).await.ok()["total"], 0);
        assert_eq!(acme.get(&format!("{path}&to=2020-01-01T00:00:00Z")).await.ok()["total"], 0);
    }
    let delivered = acme.get("/api/v1/event-log?eventType=CUSTOM_EVENT_EMIT_DELIVERED").await.ok();
    assert_eq!(delivered["items"][0]["payload"]["subscriptionId"], subscription);
    app.stop_with_work_left().await;
}

#[tokio::test]
async fn refusals_of_emits_reach_subscriptions_to_them() {
    let (app, events) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    let types = json!(["CUSTOM_EVENT_EMIT_REJECTED", "CUSTOM_EVENT_QUOTA_EXCEEDED"]);
    subscribe(&acme, types, &events.url("/")).await;
    let body = json!({ "name": "platformxe.generic", "payload": {} });
    acme.post("/api/v1/events/custom/emit", body).await.refused(400, "payload_invalid");
    for _ in 0..1_000 {
        acme.emit_generic(json!({ "kind": "k" })).await;
    }
    let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
    acme.post("/api/v1/events/custom/emit", body).await.refused(402, "monthly_emit_quota_exceeded");
    app.settle().await;
    let mut said: Vec<Value> = events.requests().iter().map(Received::json).collect();
    said.sort_by_key(|body| text(&body["id"]));
    let said: Vec<(&str, &str)> = said
        .iter()
        .map(|body| (body["event"].as_str().expect("a name"), body["data"]["errorCode"].as_str().expect("a code")))
        .collect();
    // The clock stands still, and events of one moment have no order.
    for expected in [
        ("CUSTOM_EVENT_EMIT_REJECTED", "payload_invalid"),
        ("CUSTOM_EVENT_QUOTA_EXCEEDED", "monthly_emit_quota_exceeded"),
    ] {
        assert!(said.contains(&expected), "{expected:?} in {said:?}");
    }
    assert_eq!(said.len(), 2);
    app.stop().await;
}

#[tokio::test]
async fn many_refusals_are_announced_together() {
    let (app, events) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    subscribe(&acme, json!(["CUSTOM_EVENT_EMIT_REJECTED"]), &events.url("/")).await;
    for _ in 0..50 {
        let body = json!({ "name": "platformxe.generic", "payload": {} });
        acme.post("/api/v1/events/custom/emit", body).await.refused(400, "payload_invalid");
    }
    app.settle().await;
    assert_eq!(events.requests().len(), REFUSALS_ANNOUNCED_MAX);
    app.clock.advance(std::time::Duration::from_secs(1));
    app.settle().await;
    let counts: Vec<u64> =
        events.requests().iter().map(|request| request.json()["data"]["count"].as_u64().expect("a count")).collect();
    assert_eq!(counts.len(), REFUSALS_ANNOUNCED_MAX + 1);
    assert_eq!(counts.iter().sum::<u64>(), 50, "none is left out");
    app.stop().await;
}

/// No route can emit as part of a chain, so the test calls the service.
#[tokio::test]
async fn chain_depth_max() {
    let (app, events) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    subscribe(&acme, json!(["CUSTOM_EVENT_CHAIN_TRUNCATED"]), &events.url("/")).await;
    let host = &app.app().host;
    let caller = access::caller(host, acme.key()).await.expect("a key");
    let request =
        EmitRequest { name: "platformxe.generic", version: None, payload: r#"{"kind":"k"}"#, idempotency_key: None };
    emit::emit_in_chain(host, &caller, request, CHAIN_DEPTH_MAX).await.expect("deep enough");
    let refusal = emit::emit_in_chain(host, &caller, request, CHAIN_DEPTH_MAX + 1).await.expect_err("too deep");
    assert_eq!(refusal.code(), Code::ChainDepthExceeded);
    app.settle().await;
    let [said] = &events.requests()[..] else { panic!("one chain was cut") };
    assert_eq!(said.json()["data"]["errorCode"], "chain_depth_exceeded");
    app.stop().await;
}

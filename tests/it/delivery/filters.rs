//! Filters from the emit to the receiver: only matching events are delivered.

use serde_json::{Value, json};

use crate::support::{Client, Receiver, TestApp};

async fn subscribe(tenant: &Client, name: &str, url: &str, filter: &Value) -> String {
    let body = json!({ "name": name, "webhookUrl": url, "filter": filter });
    let created = tenant.post("/api/v1/events/custom/subscribe", body).await.created();
    created["subscriptionId"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn only_what_matches_is_delivered() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    acme.register("order.placed", "1.0.0").await;
    let name = format!("{}.order.placed", acme.namespace);
    subscribe(&acme, &name, &receiver.url("/paid"), &json!({ "state": ["paid"] })).await;
    let large =
        subscribe(&acme, &name, &receiver.url("/large"), &json!({ "total": [{ "numeric": [">", 100] }] })).await;
    let paid = acme.emit(&name, json!({ "state": "paid", "total": 5 })).await;
    let neither = acme.emit(&name, json!({ "state": "new" })).await;
    let both = acme.emit(&name, json!({ "state": "paid", "total": 101 })).await;
    app.settle().await;

    let mut seen: Vec<_> =
        receiver.requests().into_iter().map(|r| (r.path.clone(), r.header("x-event-id").map(str::to_owned))).collect();
    seen.sort();
    let mut expected =
        [("/large", &both), ("/paid", &paid), ("/paid", &both)].map(|(path, id)| (path.to_owned(), Some(id.clone())));
    expected.sort();
    assert_eq!(seen, expected);
    let emit = acme.get(&format!("/api/v1/emits/{neither}")).await.ok();
    assert_eq!((&emit["status"], &emit["deliveryStatus"]), (&json!("routed"), &json!("DELIVERED")));

    // Without its filter the subscription gets every event.
    acme.patch(&format!("/api/v1/event-subscriptions/{large}"), json!({ "filter": null })).await.ok();
    acme.emit(&name, json!({})).await;
    app.settle().await;
    assert_eq!(receiver.requests().last().map(|request| request.path.as_str()), Some("/large"));
    app.stop().await;
}

/// The payload and the filters are as slow together as can be, and the filters are more than fit one call.
#[tokio::test]
async fn filters_that_take_long_delay_no_other_organization_and_lose_nothing() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let slow = app.organization("ENTERPRISE").await;
    slow.register("order.placed", "1.0.0").await;
    let name = format!("{}.order.placed", slow.namespace);
    let filter = json!({ "a": [{ "wildcard": "*aaaaaaaab*b" }, { "wildcard": "*aaaaaaaab*c" }] });
    for number in 0..20 {
        subscribe(&slow, &name, &receiver.url(&format!("/slow/{number}")), &filter).await;
    }
    let quick = app.organization("ENTERPRISE").await;
    quick.subscribe("platformxe.generic", &receiver.url("/quick")).await;
    let emits = [
        slow.emit(&name, json!({ "a": "a".repeat(150_000) })).await,
        slow.emit(&name, json!({ "a": "a".repeat(150_000) })).await,
    ];
    quick.emit_generic(json!({ "kind": "a" })).await;
    app.settle().await;
    // The slow lane takes one event at a time; the other is put back for a moment.
    app.clock.advance(std::time::Duration::from_mins(10));
    app.settle().await;

    assert_eq!(receiver.requests().iter().filter(|request| request.path == "/quick").count(), 1);
    for emit in emits {
        let found = slow.get(&format!("/api/v1/emits/{emit}")).await.ok();
        assert_eq!((&found["status"], &found["deliveries"]["success"]), (&json!("routed"), &json!(20)), "{found:.300}");
    }
    app.stop().await;
}

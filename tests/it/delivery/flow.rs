//! The bounds of a subscription on deliveries at once and per second (contract 14.3).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, Receiver, Reply, TestApp, client::text};

/// Subscribes to everything with these terms and gives the id.
async fn subscribe(client: &Client, url: &str, terms: Value) -> String {
    let mut body = terms;
    body["eventTypes"] = json!([format!("TENANT_CUSTOM:{}:*", client.id)]);
    body["webhookUrl"] = url.into();
    text(&client.post("/api/v1/event-subscriptions", body).await.created()["id"])
}

async fn emit(client: &Client, count: usize) {
    for _ in 0..count {
        client.emit_generic(json!({ "kind": "k" })).await;
    }
}

#[tokio::test]
async fn no_more_are_under_way_at_once_than_a_subscription_allows() {
    let (app, receiver, other) = (TestApp::start().await, Receiver::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    receiver.always(Reply::Hang);
    let id = subscribe(&acme, &receiver.url("/"), json!({ "maxInFlight": 2 })).await;
    subscribe(&acme, &other.url("/"), json!({})).await;
    emit(&acme, 10).await;
    other.wait_for(10).await;
    receiver.wait_for(2).await;
    // This emit was routed and delivered, so another delivery of the first endpoint could have begun.
    emit(&acme, 1).await;
    other.wait_for(11).await;
    assert_eq!(receiver.requests().len(), 2);
    receiver.always(Reply::status(200));
    receiver.release();
    app.settle().await;
    let delivered = format!("/api/v1/deliveries?status=SUCCESS&subscriptionId={id}");
    assert_eq!(acme.get(&delivered).await.ok()["total"], 11);
    assert_eq!(receiver.requests().len(), 11);
    app.stop().await;
}

#[tokio::test]
async fn no_more_are_sent_in_a_second_than_a_subscription_allows() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    let id = subscribe(&acme, &receiver.url("/"), json!({ "rateLimitPerSecond": 3 })).await;
    emit(&acme, 11).await;
    for sent in [3, 6, 9, 11] {
        app.settle_within_rates().await;
        assert_eq!(receiver.requests().len(), sent);
        // A second later the rate allows three more.
        app.clock.advance(Duration::from_secs(1));
    }
    app.settle().await;
    assert_eq!(acme.get("/api/v1/deliveries?status=SUCCESS&limit=1").await.ok()["total"], 11);

    // No more than a second's rate is saved up, and a new rate holds for deliveries that wait already.
    app.clock.advance(Duration::from_mins(1));
    emit(&acme, 8).await;
    app.settle_within_rates().await;
    assert_eq!(receiver.requests().len(), 14);
    acme.patch(&format!("/api/v1/event-subscriptions/{id}"), json!({ "rateLimitPerSecond": null })).await.ok();
    app.settle().await;
    assert_eq!(receiver.requests().len(), 19);
    app.stop().await;
}

#[tokio::test]
async fn retries_count_against_the_rate_too() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    receiver.always(Reply::status(500));
    subscribe(&acme, &receiver.url("/"), json!({ "rateLimitPerSecond": 2, "retrySchedule": [10] })).await;
    emit(&acme, 4).await;
    app.settle_within_rates().await;
    app.clock.advance(Duration::from_secs(1));
    app.settle_within_rates().await;
    assert_eq!(receiver.requests().len(), 4);
    // All four are due for their second attempt.
    app.clock.advance(Duration::from_mins(1));
    app.settle_within_rates().await;
    assert_eq!(receiver.requests().len(), 6);
    app.clock.advance(Duration::from_secs(1));
    app.settle().await;
    assert_eq!(receiver.requests().len(), 8);
    app.stop().await;
}

//! Subscriptions with `startAt`, which also get events accepted before they were created (contract 14.3).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, Receiver, Reply, TestApp, client::text};

async fn emit(tenant: &Client, number: usize) -> String {
    tenant.emit_generic(json!({ "kind": "k", "number": number })).await
}

/// Subscribes to all custom events since a time.
async fn subscribe_since(tenant: &Client, url: &str, start_at: &str, extras: Value) -> String {
    let mut body = json!({ "eventTypes": ["TENANT_CUSTOM:*"], "webhookUrl": url, "startAt": start_at });
    body.as_object_mut().expect("an object").extend(extras.as_object().expect("an object").clone());
    text(&tenant.post("/api/v1/event-subscriptions", body).await.created()["id"])
}

/// The numbers that arrived at a path, sorted.
fn arrived(receiver: &Receiver, path: &str) -> Vec<u64> {
    let requests = receiver.requests().into_iter().filter(|request| request.path == path);
    let mut numbers: Vec<u64> =
        requests.map(|request| request.json()["data"]["number"].as_u64().expect("a number")).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn a_subscription_gets_what_was_accepted_since_its_start() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (tenant, other) = (app.organization("PRO").await, app.organization("PRO").await);
    for number in 0..6 {
        emit(&tenant, number).await;
        emit(&other, number + 100).await;
        app.clock.advance(Duration::from_secs(1));
    }
    app.settle().await;
    // `startAt` includes the moment of the third emit itself.
    let id = subscribe_since(&tenant, &receiver.url("/since"), "2026-05-06T12:00:02Z", json!({})).await;
    let read = tenant.get(&format!("/api/v1/event-subscriptions/{id}")).await.ok();
    assert_eq!(read["startAt"], "2026-05-06T12:00:02.000Z");
    subscribe_since(&tenant, &receiver.url("/all"), "2020-01-01T00:00:00Z", json!({})).await;
    subscribe_since(&tenant, &receiver.url("/now"), "now", json!({})).await;
    for number in 6..8 {
        emit(&tenant, number).await;
    }
    app.settle().await;
    assert_eq!(arrived(&receiver, "/since"), [2, 3, 4, 5, 6, 7]);
    assert_eq!(arrived(&receiver, "/all"), (0..8).collect::<Vec<_>>());
    assert_eq!(arrived(&receiver, "/now"), [6, 7]);
    app.stop().await;
}

#[tokio::test]
async fn only_what_is_wanted_is_owed() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    tenant.register("order", "1.0.0").await;
    tenant.emit(&format!("{}.order", tenant.namespace), json!({ "number": 50 })).await;
    for number in 0..4 {
        emit(&tenant, number).await;
    }
    app.settle().await;
    let generic = json!({ "eventTypes": [format!("TENANT_CUSTOM:{}:platformxe.generic@*", tenant.id)] });
    subscribe_since(&tenant, &receiver.url("/generic"), "2020-01-01T00:00:00Z", generic).await;
    let filtered = json!({ "filter": { "number": [{ "numeric": [">=", 2, "<", 50] }] } });
    subscribe_since(&tenant, &receiver.url("/filtered"), "2020-01-01T00:00:00Z", filtered).await;
    let paused = json!({ "isActive": false });
    let paused = subscribe_since(&tenant, &receiver.url("/paused"), "2020-01-01T00:00:00Z", paused).await;
    app.settle().await;
    assert_eq!(arrived(&receiver, "/generic"), [0, 1, 2, 3]);
    assert_eq!(arrived(&receiver, "/filtered"), [2, 3]);
    assert_eq!(arrived(&receiver, "/paused"), Vec::<u64>::new());
    tenant.patch(&format!("/api/v1/event-subscriptions/{paused}"), json!({ "isActive": true })).await.ok();
    app.settle().await;
    assert_eq!(arrived(&receiver, "/paused"), [0, 1, 2, 3, 50]);
    app.stop().await;
}

/// Emits that are accepted while the subscription is made come to it once: by routing or by
/// catching up, never by both, and never by neither.
#[tokio::test]
async fn what_is_accepted_at_the_moment_of_the_creation_comes_exactly_once() {
    const EMITS: usize = 120;
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("ENTERPRISE").await;
    // With a subscription every emit has to be routed, which takes its time.
    let before = Receiver::start().await;
    tenant.subscribe_all(&before.url("/")).await;
    let beside = app.beside_on_postgres().await;
    let emitters: Vec<_> = (0..4)
        .map(|lane| {
            let host = beside.as_ref().filter(|_| lane % 2 == 1).unwrap_or(&app);
            let tenant = host.client_of(&tenant);
            tokio::spawn(async move {
                for number in (lane..EMITS).step_by(4) {
                    emit(&tenant, number).await;
                }
            })
        })
        .collect();
    let subscribers: Vec<_> = (0..4)
        .map(|number| {
            let (tenant, url) = (tenant.clone(), receiver.url(&format!("/{number}")));
            tokio::spawn(async move { subscribe_since(&tenant, &url, "2020-01-01T00:00:00Z", json!({})).await })
        })
        .collect();
    for task in emitters {
        task.await.expect("it emits");
    }
    for task in subscribers {
        task.await.expect("it subscribes");
    }
    app.settle().await;
    if let Some(beside) = beside {
        beside.stop().await;
    }
    for number in 0..4 {
        let expected: Vec<u64> = (0..EMITS as u64).collect();
        assert_eq!(arrived(&receiver, &format!("/{number}")), expected, "subscriber {number}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_long_past_comes_in_batches_and_through_restarts() {
    const EMITS: u64 = 450;
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("ENTERPRISE").await;
    let emits: Vec<_> = (0..EMITS)
        .map(|number| {
            let tenant = tenant.clone();
            tokio::spawn(async move { emit(&tenant, usize::try_from(number).expect("small")).await })
        })
        .collect();
    for task in emits {
        task.await.expect("it emits");
    }
    subscribe_since(&tenant, &receiver.url("/"), "2020-01-01T00:00:00Z", json!({})).await;
    let app = app.restart().await;
    app.settle().await;
    let app = app.restart().await;
    app.settle().await;
    assert_eq!(arrived(&receiver, "/"), (0..EMITS).collect::<Vec<_>>());
    app.stop().await;
}

#[tokio::test]
async fn what_is_caught_up_with_is_tried_again_like_anything_else() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let id = emit(&tenant, 1).await;
    app.settle().await;
    receiver.then(Reply::status(500));
    subscribe_since(&tenant, &receiver.url("/"), "2020-01-01T00:00:00Z", json!({})).await;
    app.settle().await;
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    assert_eq!(arrived(&receiver, "/"), [1, 1]);
    let read = tenant.get(&format!("/api/v1/emits/{id}")).await.ok();
    assert_eq!((&read["deliveryStatus"], &read["deliveries"]["success"]), (&json!("DELIVERED"), &json!(1)));
    let requests = receiver.requests();
    assert_eq!(requests[1].header("x-event-id"), Some(id.as_str()));
    assert_eq!(requests[1].header("x-weir-replay"), None);
    app.stop().await;
}

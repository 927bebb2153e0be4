//! An endpoint's answers and its subscription: its own schedule, the wait that an answer names, and when
//! the host switches a failing endpoint off.

use std::time::Duration;

use serde_json::{Value, json};
use weir::domain::time::Time;

use crate::support::{Client, Receiver, Reply, TestApp, client::text};

const DAY: Duration = Duration::from_hours(24);

async fn subscription(client: &Client, id: &str) -> Value {
    client.get(&format!("/api/v1/event-subscriptions/{id}")).await.ok()
}

async fn total(client: &Client, status: &str) -> Value {
    client.get(&format!("/api/v1/deliveries?status={status}&limit=1")).await.ok()["total"].clone()
}

/// Subscribes a second endpoint to the lifecycle event of a subscription that was given up.
async fn listen(client: &Client, receiver: &Receiver) {
    let body = json!({ "eventTypes": ["SUBSCRIPTION_DISABLED"], "webhookUrl": receiver.url("/news") });
    client.post("/api/v1/event-subscriptions", body).await.created();
}

#[tokio::test]
async fn a_subscription_has_a_schedule_of_its_own() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("FREE").await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let path = format!("/api/v1/event-subscriptions/{id}");
    acme.patch(&path, json!({ "retrySchedule": [7] })).await.ok();
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(Duration::from_millis(6_999));
    app.settle().await;
    assert_eq!(receiver.requests().len(), 1);
    app.clock.advance(Duration::from_millis(701));
    app.settle().await;
    assert_eq!((receiver.requests().len(), total(&acme, "FAILED").await), (2, json!(1)));
    // Without a schedule of its own the subscription has the host's again.
    acme.patch(&path, json!({ "retrySchedule": null })).await.ok();
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(Duration::from_secs(8));
    app.settle().await;
    assert_eq!((receiver.requests().len(), total(&acme, "RETRYING").await), (3, json!(1)));
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_may_name_its_wait_as_a_date() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let date = Reply::status(503)
        .with_header("date", "Wed, 06 May 2026 12:00:00 GMT")
        .with_header("retry-after", "Wed, 06 May 2026 12:00:50 GMT");
    receiver.then(date);
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let next = text(&acme.only_delivery().await["nextAttemptAt"]);
    let wait_ms = Time::parse(&next).expect("a time").millis_since(app.clock.now());
    assert!((50_000..=53_000).contains(&wait_ms), "{wait_ms} ms");
    app.clock.advance(DAY);
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_given_up_at_once_and_enabling_brings_everything_back() {
    let (app, receiver, news) = (TestApp::start().await, Receiver::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    listen(&acme, &news).await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    // One delivery waits for its second attempt when another is answered that the endpoint is gone.
    receiver.then(Reply::status(500)).then(Reply::status(410));
    for _ in 0..2 {
        acme.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
    }
    let disabled = subscription(&acme, &id).await;
    assert_eq!((&disabled["isActive"], &disabled["status"]), (&json!(false), &json!("PAUSED")));
    assert!(text(&disabled["disabledReason"]).contains("410"), "{disabled}");
    assert_eq!(text(&disabled["disabledAt"]), app.clock.now().to_string());
    let told = news.wait_for(1).await[0].json();
    assert_eq!((&told["event"], &told["data"]["subscriptionId"]), (&json!("SUBSCRIPTION_DISABLED"), &json!(id)));
    assert_eq!(told["data"]["reason"], disabled["disabledReason"]);

    // The waiting delivery is not sent and not lost: it is a dead letter with the reason.
    let unheard = acme.emit_generic(json!({ "kind": "k" })).await;
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    assert_eq!(receiver.requests().len(), 2);
    assert_eq!(total(&acme, "FAILED").await, 2);
    let dead = acme.get("/api/v1/dead-letters").await.ok();
    let reasons: Vec<String> =
        dead["items"].as_array().expect("items").iter().map(|item| text(&item["errorMessage"])).collect();
    assert!(reasons.iter().any(|reason| reason.starts_with("endpoint_disabled")), "{reasons:?}");
    let attempts: Vec<_> =
        dead["items"].as_array().expect("items").iter().map(|item| item["attempts"].as_array().map(Vec::len)).collect();
    assert_eq!(attempts, [Some(1), Some(1)], "giving up is no attempt");
    let replay = format!("/api/v1/event-subscriptions/{id}/replay");
    acme.post(&replay, json!({ "from": "2026-05-06T00:00:00Z" })).await.refused(409, "invalid_state");
    let one = format!("/api/v1/deliveries/{}/replay", text(&dead["items"][0]["id"]));
    acme.post(&one, json!({})).await.refused(409, "invalid_state");

    let enabled = acme.post(&format!("/api/v1/event-subscriptions/{id}/enable"), json!({})).await.ok();
    assert_eq!((&enabled["isActive"], &enabled["disabledAt"]), (&json!(true), &Value::Null));
    app.settle().await;
    assert_eq!((receiver.requests().len(), total(&acme, "FAILED").await), (4, json!(0)));
    // An event accepted meanwhile was never owed to the endpoint; a replay sends it.
    let replayed = acme.post(&replay, json!({ "from": "2026-05-06T00:00:00Z" })).await.ok();
    assert_eq!(replayed["replayedCount"], 1);
    app.settle().await;
    let requests = receiver.requests();
    assert_eq!((requests.len(), requests[4].header("x-event-id")), (5, Some(unheard.as_str())));
    assert_eq!(news.requests().len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_only_fails_for_five_days_is_given_up() {
    let (app, receiver, news) = (TestApp::start().await, Receiver::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    listen(&acme, &news).await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.patch(&format!("/api/v1/event-subscriptions/{id}"), json!({ "retrySchedule": [] })).await.ok();
    let fail = async || {
        acme.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
        app.clock.advance(DAY);
    };
    receiver.always(Reply::status(500));
    for _ in 0..4 {
        fail().await;
    }
    // A single success begins a new count.
    receiver.then(Reply::status(200));
    for _ in 0..5 {
        fail().await;
    }
    assert_eq!(subscription(&acme, &id).await["isActive"], true);
    for _ in 0..2 {
        fail().await;
    }
    let disabled = subscription(&acme, &id).await;
    assert_eq!((&disabled["isActive"], receiver.requests().len()), (&json!(false), 11));
    assert!(text(&disabled["disabledReason"]).contains("5 days"), "{disabled}");
    app.settle().await;
    assert_eq!(news.requests().len(), 1);
    // Enabling the subscription gives it five more days.
    acme.post(&format!("/api/v1/event-subscriptions/{id}/enable"), json!({})).await.ok();
    app.settle().await;
    for _ in 0..4 {
        fail().await;
    }
    assert_eq!(subscription(&acme, &id).await["isActive"], true);
    app.stop().await;
}

#[tokio::test]
async fn since_when_an_endpoint_fails_survives_a_restart() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    receiver.always(Reply::status(500));
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let app = app.restart().await;
    let acme = app.client_of(&acme);
    app.clock.advance(6 * DAY);
    app.settle().await;
    assert_eq!((subscription(&acme, &id).await["isActive"].clone(), receiver.requests().len()), (json!(false), 2));
    app.stop().await;
}

#[tokio::test]
async fn giving_up_can_be_switched_off() {
    let app = TestApp::with(|settings| settings.disable_after = None).await;
    let receiver = Receiver::start().await;
    let acme = app.organization("FREE").await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    receiver.always(Reply::status(500));
    for _ in 0..3 {
        acme.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
        app.clock.advance(10 * DAY);
    }
    app.settle().await;
    assert_eq!(subscription(&acme, &id).await["isActive"], true);
    app.clock.advance(10 * DAY);
    app.stop().await;
}

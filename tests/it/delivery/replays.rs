//! Replays of a subscription's events of a time (contract 5.1).

use std::time::Duration;

use serde_json::{Value, json};
use weir::domain::limits::REPLAYS_PER_SUBSCRIPTION_MAX;

use crate::support::{Client, Receiver, Reply, TestApp};

/// A time before all events of the tests.
const EARLY: &str = "2026-05-06T00:00:00Z";

async fn replay(client: &Client, id: &str, body: Value) -> Value {
    client.post(&format!("/api/v1/event-subscriptions/{id}/replay"), body).await.ok()
}

#[tokio::test]
async fn what_was_accepted_before_a_subscription_was_there_is_replayed_with_its_own_ids() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(acme.emit_generic(json!({ "kind": "k" })).await);
        app.clock.advance(Duration::from_millis(5));
    }
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let answer = replay(&acme, &id, json!({ "from": EARLY, "to": "2027-01-01T00:00:00Z" })).await;
    assert!(answer["replayId"].as_str().is_some_and(|id| id.starts_with("rpl_")), "{answer}");
    for (count, expected) in [
        ("replayedCount", json!(3)),
        ("replayed", json!(3)),
        ("successCount", json!(0)),
        ("failedCount", json!(0)),
        ("failed", json!(0)),
        ("countComplete", json!(true)),
    ] {
        assert_eq!(answer[count], expected, "{count}");
    }
    app.settle().await;
    let requests = receiver.requests();
    let mut replayed = receiver.event_ids();
    replayed.sort();
    assert_eq!(replayed, ids);
    assert!(requests.iter().all(|request| request.header("x-weir-replay") == Some("true")));

    // All events have arrived: a replay finds none to send, unless `all` is set.
    let answer = replay(&acme, &id, json!({ "from": EARLY })).await;
    assert_eq!((&answer["replayedCount"], &answer["replayId"]), (&json!(0), &Value::Null));
    assert_eq!(replay(&acme, &id, json!({ "from": EARLY, "all": true })).await["replayedCount"], 3);
    app.settle().await;
    assert_eq!(receiver.requests().len(), 6);
    let first = &acme.get(&format!("/api/v1/deliveries?emitId={}", ids[0])).await.ok();
    assert_eq!((&first["total"], first["items"][0]["attempts"].as_array().map(Vec::len)), (&json!(1), Some(2)));
    app.stop().await;
}

#[tokio::test]
async fn only_what_never_arrived_is_sent_again() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let path = format!("/api/v1/event-subscriptions/{id}");
    acme.patch(&path, json!({ "retrySchedule": [60] })).await.ok();
    let emit = async || acme.emit_generic(json!({ "kind": "k" })).await;
    let delivered = emit().await;
    app.settle().await;
    receiver.always(Reply::status(500));
    let dead = emit().await;
    app.settle().await;
    app.clock.advance(Duration::from_secs(70));
    app.settle().await;
    let owed = emit().await;
    app.settle().await;
    acme.patch(&path, json!({ "isActive": false })).await.ok();
    let unheard = emit().await;
    app.settle().await;
    let before = receiver.requests().len();
    receiver.always(Reply::status(200));
    // A paused subscription gets the replay that its owner asks for.
    assert_eq!(replay(&acme, &id, json!({ "from": EARLY })).await["replayedCount"], 2);
    app.settle().await;
    let mut arrived = receiver.event_ids().split_off(before);
    arrived.sort();
    assert_eq!(arrived, [dead, unheard]);
    app.clock.advance(Duration::from_secs(70));
    app.settle().await;
    let count = |id: &str| receiver.requests().iter().filter(|r| r.header("x-event-id") == Some(id)).count();
    assert_eq!((count(&delivered), count(&owed)), (1, 2));
    app.stop().await;
}

#[tokio::test]
async fn a_replay_keeps_to_its_time_and_to_the_event_types() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    acme.register("order", "1.0.0").await;
    let order = format!("{}.order", acme.namespace);
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(acme.emit(&order, json!({})).await);
        acme.emit_generic(json!({ "kind": "k" })).await;
        app.clock.advance(Duration::from_secs(10));
    }
    acme.post("/api/v1/events", json!({ "eventType": "email.sent", "payload": {} })).await.accepted();
    let (id, _) = acme.subscribe(&order, &receiver.url("/orders")).await;
    let window = json!({ "from": "2026-05-06T12:00:05Z", "to": "2026-05-06T12:00:15Z" });
    assert_eq!(replay(&acme, &id, window).await["replayedCount"], 1);
    app.settle().await;
    assert_eq!(receiver.requests()[0].header("x-event-id"), Some(orders[1].as_str()));

    // Events of other applications are in the log as well.
    let body = json!({ "eventTypes": ["email.*"], "webhookUrl": receiver.url("/email") });
    let email = acme.post("/api/v1/event-subscriptions", body).await.created();
    let alias = format!("/api/v1/events/subscriptions/{}/replay", email["id"].as_str().expect("an id"));
    assert_eq!(acme.post(&alias, json!({ "from": EARLY })).await.ok()["replayed"], 1);
    app.settle().await;
    let requests = receiver.requests();
    assert_eq!((requests.len(), requests[1].path.as_str()), (2, "/email"));
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (acme, other) = (app.organization("FREE").await, app.organization("FREE").await);
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let path = format!("/api/v1/event-subscriptions/{id}/replay");
    for body in [
        json!({}),
        json!({ "to": EARLY }),
        json!({ "from": "yesterday" }),
        json!({ "from": "2026-05-06T12:00:00Z", "to": "2026-05-06T11:00:00Z" }),
        json!({ "from": EARLY, "all": "yes" }),
    ] {
        acme.post(&path, body).await.refused(400, "BAD_REQUEST");
    }
    other.post(&path, json!({ "from": EARLY })).await.refused(404, "NOT_FOUND");
    app.stop().await;
}

#[tokio::test]
async fn a_replay_survives_a_restart() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    acme.emit_many(320).await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    assert_eq!(replay(&acme, &id, json!({ "from": EARLY })).await["replayedCount"], 320);
    let app = app.restart().await;
    app.settle().await;
    let mut ids = receiver.event_ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 320);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_ten_thousand_events_does_not_hold_up_a_live_one() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    // Emits without a subscriber, so that making them takes no time of routing and delivery.
    acme.emit_many(10_016).await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let answer = replay(&acme, &id, json!({ "from": EARLY })).await;
    assert_eq!(answer["replayedCount"], 10_016);
    receiver.wait_for(20).await;
    let mut between = Vec::new();
    for _ in 0..5 {
        let before = receiver.requests().len();
        let live = acme.emit_generic(json!({ "kind": "live" })).await;
        let position = loop {
            let requests = receiver.wait_for(receiver.requests().len() + 1).await;
            let found = requests.iter().position(|request| request.header("x-event-id") == Some(live.as_str()));
            if let Some(position) = found {
                break position;
            }
        };
        assert!(position < 9_000, "the replay was over before anything could be seen");
        between.push(position - before);
    }
    // A few steps of the replay may be made while the emit is accepted and routed.
    assert!(between.iter().all(|&replayed| replayed < 1_000), "{between:?} replayed events came first");
    app.stop_with_work_left().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_is_not_sent_everything_again() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    acme.emit_many(64).await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.patch(&format!("/api/v1/event-subscriptions/{id}"), json!({ "retrySchedule": [] })).await.ok();
    receiver.always(Reply::status(500));
    replay(&acme, &id, json!({ "from": EARLY })).await;
    app.settle().await;
    let tried = receiver.requests().len();
    assert!(tried < 32, "{tried} of 64 were sent to an endpoint that fails");
    // After the pause a single attempt checks whether the endpoint still fails.
    app.clock.advance(Duration::from_secs(31));
    app.settle().await;
    assert_eq!(receiver.requests().len(), tried + 1);
    // Once it succeeds, the remaining deliveries are sent at once.
    receiver.always(Reply::status(200));
    app.clock.advance(Duration::from_secs(31));
    app.settle().await;
    assert_eq!(receiver.requests().len(), 64);
    app.stop().await;
}

#[tokio::test]
async fn replays_per_subscription_max() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    acme.emit_many(64).await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    receiver.always(Reply::status(500));
    // The endpoint fails, so none of the replays ends.
    for _ in 0..REPLAYS_PER_SUBSCRIPTION_MAX {
        replay(&acme, &id, json!({ "from": EARLY, "all": true })).await;
        app.settle().await;
    }
    let path = format!("/api/v1/event-subscriptions/{id}/replay");
    acme.post(&path, json!({ "from": EARLY })).await.refused(409, "invalid_state");
    app.stop().await;
}

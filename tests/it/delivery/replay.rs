//! Replays of single deliveries and of dead letters (contract 14.2).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, Receiver, Reply, TestApp, client::text};

/// An organization whose one delivery is a dead letter, and the delivery's id.
async fn dead_letter(app: &TestApp, receiver: &Receiver) -> (Client, String) {
    receiver.always(Reply::status(500));
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    for _ in 0..4 {
        app.clock.advance(Duration::from_secs(4_000));
        app.settle().await;
    }
    let id = text(&acme.get("/api/v1/dead-letters").await.ok()["items"][0]["id"]);
    (acme, id)
}

#[tokio::test]
async fn a_dead_letter_starts_anew_marked_as_a_replay_and_keeps_its_history() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (acme, id) = dead_letter(&app, &receiver).await;
    let pending = acme.post(&format!("/api/v1/deliveries/{id}/replay"), json!({})).await.ok();
    assert_eq!((&pending["id"], &pending["errorMessage"]), (&json!(id), &Value::Null));
    app.settle().await;
    let delivery = acme.get(&format!("/api/v1/deliveries/{id}")).await.ok();
    assert_eq!(delivery["status"], "RETRYING", "a fresh budget of attempts");
    receiver.always(Reply::status(204));
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    let delivery = acme.get(&format!("/api/v1/deliveries/{id}")).await.ok();
    assert_eq!((&delivery["status"], delivery["attempts"].as_array().map(Vec::len)), (&json!("SUCCESS"), Some(7)));
    assert_eq!(delivery["attempts"][6]["number"], 7);
    let requests = receiver.requests();
    let replays = requests.iter().filter(|request| request.header("x-weir-replay") == Some("true")).count();
    assert_eq!((requests.len(), replays), (7, 2));
    assert!(requests.iter().all(|request| request.header("x-event-id") == requests[0].header("x-event-id")));
    assert_eq!(acme.get("/api/v1/dead-letters").await.ok()["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn what_was_delivered_is_sent_again_only_by_force() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let id = text(&acme.only_delivery().await["id"]);
    let replay = format!("/api/v1/deliveries/{id}/replay");
    acme.post(&replay, json!({})).await.refused(409, "invalid_state");
    acme.post(&replay, json!({ "force": false })).await.refused(409, "invalid_state");
    acme.post(&replay, json!({ "force": true })).await.ok();
    app.settle().await;
    assert_eq!(receiver.requests().len(), 2);
    app.stop().await;
}

#[tokio::test]
async fn what_is_still_owed_cannot_be_replayed_even_by_force() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let id = text(&acme.only_delivery().await["id"]);
    acme.post(&format!("/api/v1/deliveries/{id}/replay"), json!({ "force": true })).await.refused(409, "invalid_state");
    app.stop().await;
}

#[tokio::test]
async fn dead_letters_are_replayed_by_subscription_and_time() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("FREE").await;
    let (first, _) = acme.subscribe("platformxe.generic", &receiver.url("/1")).await;
    acme.subscribe("platformxe.generic", &receiver.url("/2")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    for _ in 0..5 {
        app.settle().await;
        app.clock.advance(Duration::from_secs(4_000));
    }
    assert_eq!(acme.get("/api/v1/dead-letters").await.ok()["total"], 2);
    let replay = async |body: Value| acme.post("/api/v1/dead-letters/replay", body).await.ok()["replayedCount"].clone();
    assert_eq!(replay(json!({ "from": "2026-05-07T00:00:00Z" })).await, 0);
    assert_eq!(replay(json!({ "to": "2026-05-06T11:59:59Z" })).await, 0);
    receiver.always(Reply::status(200));
    assert_eq!(replay(json!({ "subscriptionId": first, "from": "2026-05-06T12:00:00Z" })).await, 1);
    app.settle().await;
    assert_eq!(acme.get("/api/v1/dead-letters").await.ok()["total"], 1);
    assert_eq!(replay(json!({})).await, 1);
    app.settle().await;
    assert_eq!(acme.get("/api/v1/deliveries?status=SUCCESS").await.ok()["total"], 2);
    app.stop().await;
}

#[tokio::test]
async fn another_organizations_dead_letters_are_out_of_reach() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (_, id) = dead_letter(&app, &receiver).await;
    let other = app.organization("FREE").await;
    other.post(&format!("/api/v1/deliveries/{id}/replay"), json!({ "force": true })).await.refused(404, "NOT_FOUND");
    assert_eq!(other.post("/api/v1/dead-letters/replay", json!({})).await.ok()["replayedCount"], 0);
    app.stop().await;
}

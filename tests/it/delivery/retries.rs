//! Retries and dead letters (contract 7.1).

use std::time::Duration;

use serde_json::{Value, json};
use weir::domain::time::Time;

use crate::support::{Receiver, Reply, TestApp};

fn time(value: &Value) -> Time {
    Time::parse(value.as_str().expect("a time")).expect("RFC 3339")
}

#[tokio::test]
async fn five_attempts_on_the_schedule_and_then_a_dead_letter() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    for (attempt, step_s) in (1_usize..).zip([30, 120, 900, 3_600]) {
        let delivery = acme.only_delivery().await;
        assert_eq!(delivery["status"], "RETRYING", "after attempt {attempt}");
        assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(attempt));
        let wait_ms = time(&delivery["nextAttemptAt"]).millis_since(app.clock.now());
        let step_ms = step_s * 1_000;
        assert!((step_ms..=step_ms + step_ms / 10).contains(&wait_ms), "{wait_ms} ms after attempt {attempt}");
        // A millisecond before its time the next attempt is not made.
        app.clock.advance(Duration::from_millis(u64::try_from(wait_ms - 1).expect("positive")));
        app.settle().await;
        assert_eq!(receiver.requests().len(), attempt);
        app.clock.advance(Duration::from_millis(1));
        app.settle().await;
        assert_eq!(receiver.requests().len(), attempt + 1);
    }
    let delivery = acme.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["nextAttemptAt"]), (&json!("FAILED"), &Value::Null));
    let numbers: Vec<&Value> =
        delivery["attempts"].as_array().expect("attempts").iter().map(|a| &a["number"]).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    app.clock.advance(Duration::from_secs(1_000_000));
    app.settle().await;

    let requests = receiver.requests();
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.header("x-event-id") == Some(emit.as_str())));
    // Each attempt has the same bytes and a new signature.
    assert!(requests.iter().all(|request| request.body == requests[0].body));
    let mut stamps: Vec<_> = requests.iter().map(|request| request.header("webhook-timestamp")).collect();
    stamps.dedup();
    assert_eq!(stamps.len(), 5);

    let dead = acme.get("/api/v1/dead-letters").await.ok();
    assert_eq!((&dead["total"], &dead["items"][0]["id"]), (&json!(1), &delivery["id"]));
    assert_eq!(acme.get(&format!("/api/v1/emits/{emit}")).await.ok()["deliveryStatus"], "FAILED");
    let failures = acme.get("/api/v1/events/custom/health").await.ok()["recentFailures"].clone();
    assert_eq!((failures.as_array().map(Vec::len), &failures[0]["id"]), (Some(1), &json!(emit)));
    assert!(failures[0]["errorMessage"].as_str().is_some_and(|message| message.contains("500")));
    app.stop().await;
}

#[tokio::test]
async fn the_schedule_is_a_setting() {
    let app = TestApp::with_retries("5").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(404));
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(Duration::from_secs(6));
    app.settle().await;
    assert_eq!(receiver.requests().len(), 2);
    assert_eq!(acme.only_delivery().await["status"], "FAILED");
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_names_its_own_wait_is_heeded_up_to_twice_the_step() {
    for (status, asked, expected_s) in [(429, "45", 45), (503, "999999", 60), (503, "1", 30), (500, "50", 30)] {
        let (app, receiver) = (TestApp::start().await, Receiver::start().await);
        receiver.then(Reply::status(status).with_header("retry-after", asked));
        let acme = app.organization("FREE").await;
        acme.subscribe("platformxe.generic", &receiver.url("/")).await;
        acme.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
        let wait_ms = time(&acme.only_delivery().await["nextAttemptAt"]).millis_since(app.clock.now());
        let expected_ms = expected_s * 1_000;
        // Jitter adds up to a tenth of the step, which is 30 s.
        assert!((expected_ms..=expected_ms + 3_000).contains(&wait_ms), "{status} with {asked}: {wait_ms} ms");
        app.stop().await;
    }
}

#[tokio::test]
async fn every_way_to_fail_is_a_failed_attempt_with_its_reason() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    acme.subscribe("platformxe.generic", &format!("http://{closed}/")).await;
    acme.subscribe("platformxe.generic", &receiver.url("/closes")).await;
    acme.subscribe("platformxe.generic", "http://no-such-host.invalid/").await;
    receiver.always(Reply::Close);
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let list = acme.get("/api/v1/deliveries?status=RETRYING").await.ok();
    assert_eq!(list["total"], 3);
    for delivery in list["items"].as_array().expect("items") {
        let attempt = &delivery["attempts"][0];
        assert_eq!(attempt["responseStatus"], Value::Null);
        assert!(attempt["errorMessage"].as_str().is_some_and(|message| !message.is_empty()), "{delivery}");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_has_ten_seconds() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::Hang);
    let acme = app.organization("FREE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let began = std::time::Instant::now();
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert!(began.elapsed() >= Duration::from_secs(10));
    let delivery = acme.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["attempts"][0]["responseStatus"]), (&json!("RETRYING"), &Value::Null));
    app.stop().await;
}

#[tokio::test]
async fn a_deleted_subscription_is_owed_nothing_more() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("FREE").await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    acme.delete(&format!("/api/v1/event-subscriptions/{id}")).await.ok();
    let delivery = acme.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["target"]["url"]), (&json!("FAILED"), &Value::Null));
    assert!(delivery["errorMessage"].as_str().is_some_and(|message| message.contains("deleted")));
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.clock.advance(Duration::from_secs(10_000));
    app.settle().await;
    assert_eq!(receiver.requests().len(), 1);
    let replay = format!("/api/v1/deliveries/{}/replay", delivery["id"].as_str().expect("an id"));
    acme.post(&replay, json!({})).await.refused(409, "invalid_state");
    assert_eq!(acme.post("/api/v1/dead-letters/replay", json!({})).await.ok()["replayedCount"], 0);
    app.stop().await;
}

//! Deliveries, dead letters and replays (contract 7.1, 14.2).

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use weir::domain::limits::ROUTER_CANDIDATES_MAX;

use crate::support::{Client, Receiver, Reply, TestApp, client::text};

const DELIVERIES: &str = "/api/v1/deliveries";
const DEAD_LETTERS: &str = "/api/v1/dead-letters";

async fn ids(tenant: &Client, path: &str) -> Vec<String> {
    let data = tenant.get(path).await.ok();
    let items = data["items"].as_array().expect("a list");
    items.iter().map(|delivery| text(&delivery["id"])).collect()
}

#[tokio::test]
async fn a_delivery_answers_all_members() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    let (subscription, _) = tenant.subscribe_all(&receiver.url("/Hook?x=%7e")).await;
    let emit = tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let delivery = tenant.only_delivery().await;
    let (id, attempt) = (text(&delivery["id"]), &delivery["attempts"][0]);
    assert!(id.starts_with("dlv_"), "{id}");
    assert!(attempt["fuel"].as_u64().is_some_and(|fuel| fuel > 0), "{attempt}");
    assert!(attempt["durationMs"].is_u64(), "{attempt}");
    let at = "2026-05-06T12:00:00.000Z";
    assert_eq!(
        delivery,
        json!({
            "id": id, "emitId": emit, "subscriptionId": subscription, "memberId": null, "pushId": null,
            "canonicalName": format!("TENANT_CUSTOM:{}:platformxe.generic@1.0.0", tenant.id),
            "target": { "kind": "endpoint", "url": receiver.url("/Hook?x=%7e"), "component": null },
            "status": "SUCCESS", "errorMessage": null, "nextAttemptAt": null, "createdAt": at, "updatedAt": at,
            "attempts": [{
                "number": 1, "startedAt": at, "durationMs": attempt["durationMs"], "responseStatus": 200,
                "errorMessage": null, "responseSnippet": null, "fuel": attempt["fuel"],
            }],
        })
    );
    assert_eq!(tenant.get(&format!("{DELIVERIES}/{id}")).await.ok(), delivery);
    app.stop().await;
}

#[tokio::test]
async fn a_failing_delivery_is_tried_on_schedule_and_then_a_dead_letter() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500).with_body("out of order"));
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    for (attempt, step) in [30, 120, 900, 3_600].into_iter().enumerate() {
        app.settle().await;
        let delivery = tenant.only_delivery().await;
        assert_eq!(delivery["status"], "RETRYING");
        assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(attempt + 1));
        assert_eq!(tenant.get(DEAD_LETTERS).await.ok()["total"], 0);
        // A step is never shorter than it is written, and at most a tenth longer.
        app.clock.advance(Duration::from_millis(step * 1_000 - 1));
        app.settle().await;
        assert_eq!(receiver.requests().len(), attempt + 1);
        app.clock.advance(Duration::from_secs(step) / 10 + Duration::from_millis(1));
    }
    app.settle().await;
    let delivery = tenant.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["nextAttemptAt"]), (&json!("FAILED"), &Value::Null));
    let last = &delivery["attempts"][4];
    assert_eq!((&last["number"], &last["responseStatus"]), (&json!(5), &json!(500)));
    assert_eq!(last["responseSnippet"], "out of order");
    assert_eq!(tenant.get(DEAD_LETTERS).await.ok()["items"], json!([delivery]));
    let requests = receiver.requests();
    let event_ids: Vec<_> = requests.iter().map(|request| request.header("x-event-id")).collect();
    assert!(event_ids[0].is_some() && event_ids.iter().all(|id| *id == event_ids[0]), "{event_ids:?}");
    app.stop().await;
}

#[tokio::test]
async fn whatever_an_endpoint_answers_can_be_kept() {
    let app = TestApp::with_retries("").await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500).with_body(b"a\0b\xff\xfe\xf0\x9f\x8e\x89\x1b[31m \"quoted\" \\u0000".to_vec()));
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let delivery = tenant.only_delivery().await;
    assert_eq!(delivery["status"], "FAILED");
    assert!(text(&delivery["attempts"][0]["responseSnippet"]).contains('🎉'), "{delivery}");
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_closes_the_connection_has_failed() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Close);
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let delivery = tenant.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["attempts"][0]["responseStatus"]), (&json!("RETRYING"), &Value::Null));
    assert!(!text(&delivery["errorMessage"]).is_empty());
    app.stop().await;
}

#[tokio::test]
async fn a_replayed_dead_letter_is_pending_again_with_its_history() {
    let app = TestApp::with_retries("").await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.then(Reply::status(404));
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let path = format!("{DELIVERIES}/{}/replay", text(&tenant.only_delivery().await["id"]));
    let replayed = tenant.send("POST", &path, None::<String>).await.ok();
    assert_eq!(replayed["errorMessage"], Value::Null);
    app.settle().await;
    let delivery = tenant.only_delivery().await;
    assert_eq!(delivery["status"], "SUCCESS");
    let statuses: Vec<&Value> =
        delivery["attempts"].as_array().expect("a list").iter().map(|attempt| &attempt["responseStatus"]).collect();
    assert_eq!(statuses, [404, 200]);
    let requests = receiver.requests();
    assert_eq!(requests[0].header("x-weir-replay"), None);
    assert_eq!(requests[1].header("x-weir-replay"), Some("true"));
    assert_eq!(requests[0].header("x-event-id"), requests[1].header("x-event-id"));
    assert_eq!(tenant.get(DEAD_LETTERS).await.ok()["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn a_replay_has_a_fresh_budget_of_attempts() {
    let app = TestApp::with_retries("30").await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500));
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    for round in 1..=2 {
        for expected in ["RETRYING", "FAILED"] {
            app.settle().await;
            assert_eq!(tenant.only_delivery().await["status"], expected, "round {round}");
            app.clock.advance(Duration::from_mins(1));
        }
        assert_eq!(tenant.post(&format!("{DEAD_LETTERS}/replay"), json!({})).await.ok()["replayedCount"], 1);
    }
    app.settle().await;
    assert_eq!(tenant.only_delivery().await["attempts"].as_array().map(Vec::len), Some(5));
    app.stop().await;
}

#[tokio::test]
async fn only_force_replays_what_is_no_dead_letter() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.then(Reply::status(500));
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let path = format!("{DELIVERIES}/{}/replay", text(&tenant.only_delivery().await["id"]));
    // The delivery is still retried by itself, so `force` does not replay it either.
    tenant.post(&path, json!({})).await.refused(409, "invalid_state");
    tenant.post(&path, json!({ "force": true })).await.refused(409, "invalid_state");
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    assert_eq!(tenant.only_delivery().await["status"], "SUCCESS");
    tenant.post(&path, json!({})).await.refused(409, "invalid_state");
    tenant.post(&path, json!({ "force": false })).await.refused(409, "invalid_state");
    tenant.post(&path, json!({ "force": true })).await.ok();
    app.settle().await;
    assert_eq!(receiver.requests().len(), 3);
    app.stop().await;
}

#[tokio::test]
async fn dead_letters_are_replayed_by_subscription_and_time() {
    let app = TestApp::with_retries("").await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500));
    let (one, _) = tenant.subscribe_all(&receiver.url("/one")).await;
    let (other, _) = tenant.subscribe_all(&receiver.url("/other")).await;
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(10));
        tenant.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
    }
    receiver.always(Reply::status(200));
    let replay = |body: Value| tenant.post("/api/v1/dead-letters/replay", body);
    let body = json!({ "subscriptionId": one, "from": "2026-05-06T12:00:20Z", "to": "2026-05-06T12:00:20Z" });
    assert_eq!(replay(body.clone()).await.ok(), json!({ "replayedCount": 1 }));
    app.settle().await;
    assert_eq!(replay(body).await.ok(), json!({ "replayedCount": 0 }));
    assert_eq!(replay(json!({ "to": "2026-05-06T12:00:10Z" })).await.ok(), json!({ "replayedCount": 2 }));
    app.settle().await;
    assert_eq!(replay(json!({ "subscriptionId": other })).await.ok(), json!({ "replayedCount": 2 }));
    app.settle().await;
    assert_eq!(replay(json!({})).await.ok(), json!({ "replayedCount": 1 }));
    app.settle().await;
    assert_eq!(tenant.get(DEAD_LETTERS).await.ok()["total"], 0);
    for body in [json!({ "subscriptionId": "x" }), json!({ "from": "soon" }), json!({ "to": 1 })] {
        replay(body).await.refused(400, "BAD_REQUEST");
    }
    app.stop().await;
}

#[tokio::test]
async fn deliveries_are_narrowed_by_their_filters() {
    let app = TestApp::with_retries("").await;
    let tenant = app.organization("PRO").await;
    let (good, bad) = (Receiver::start().await, Receiver::start().await);
    bad.always(Reply::status(500));
    let (to_good, _) = tenant.subscribe_all(&good.url("/")).await;
    let (to_bad, _) = tenant.subscribe_all(&bad.url("/")).await;
    let mut emits = Vec::new();
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(1));
        emits.push(tenant.emit_generic(json!({ "kind": "k" })).await);
        app.settle().await;
    }
    for (query, count) in [
        (String::new(), 4),
        ("?status=SUCCESS".to_owned(), 2),
        ("?status=FAILED".to_owned(), 2),
        ("?status=PENDING".to_owned(), 0),
        (format!("?subscriptionId={to_good}"), 2),
        (format!("?subscriptionId={to_good}&status=FAILED"), 0),
        (format!("?emitId={}", emits[0]), 2),
        (format!("?emitId={}&subscriptionId={to_bad}", emits[1]), 1),
        ("?from=2026-05-06T12:00:02Z".to_owned(), 2),
        ("?to=2026-05-06T12:00:00Z".to_owned(), 0),
        ("?limit=3".to_owned(), 3),
        ("?limit=3&page=2".to_owned(), 1),
    ] {
        assert_eq!(ids(&tenant, &format!("{DELIVERIES}{query}")).await.len(), count, "{query}");
    }
    let mut newest_first = ids(&tenant, DELIVERIES).await;
    newest_first.sort();
    newest_first.reverse();
    assert_eq!(ids(&tenant, DELIVERIES).await, newest_first);
    assert_eq!(ids(&tenant, &format!("{DEAD_LETTERS}?emitId={}", emits[0])).await.len(), 1);
    assert_eq!(ids(&tenant, &format!("{DEAD_LETTERS}?status=SUCCESS")).await.len(), 2, "they are all failed");
    for query in ["?status=failed", "?subscriptionId=x", "?emitId=x", "?from=x", "?to=x"] {
        tenant.get(&format!("{DELIVERIES}{query}")).await.refused(400, "BAD_REQUEST");
    }
    app.stop().await;
}

#[tokio::test]
async fn unknown_deliveries_are_not_found() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for id in ["dlv_01jd0000000000000000000000", "x"] {
        tenant.get(&format!("{DELIVERIES}/{id}")).await.refused(404, "NOT_FOUND");
        tenant.post(&format!("{DELIVERIES}/{id}/replay"), json!({})).await.refused(404, "NOT_FOUND");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn router_candidates_max() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let receiver = Receiver::start().await;
    let url = receiver.url("/");
    let count = ROUTER_CANDIDATES_MAX + 1;
    stream::iter(0..count)
        .for_each_concurrent(16, |_| async { drop(tenant.subscribe("platformxe.generic", &url).await) })
        .await;
    let id = tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert_eq!(receiver.requests().len(), count);
    assert_eq!(tenant.get(&format!("/api/v1/emits/{id}")).await.ok()["deliveries"]["success"], count);
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_may_take_its_time() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.then(Reply::Hang);
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    assert_eq!(receiver.wait_for(1).await[0].method, "POST");
    let delivery = tenant.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["nextAttemptAt"]), (&json!("PENDING"), &Value::Null));
    let path = format!("{DELIVERIES}/{}/replay", text(&delivery["id"]));
    tenant.post(&path, json!({ "force": true })).await.refused(409, "invalid_state");
    receiver.release();
    app.settle().await;
    assert_eq!(tenant.only_delivery().await["status"], "SUCCESS");
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_is_given_it() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.then(Reply::status(503).with_header("Retry-After", "45"));
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(Duration::from_millis(44_999));
    app.settle().await;
    assert_eq!(receiver.requests().len(), 1);
    app.clock.advance(Duration::from_secs(6));
    app.settle().await;
    assert_eq!(tenant.only_delivery().await["status"], "SUCCESS");
    app.stop().await;
}

//! The event log, and the ingest of events of other applications (contract 5.2, 5.3).

use serde_json::json;

use crate::support::{Receiver, TestApp, client::text};

#[tokio::test]
async fn events_of_other_applications_are_logged_and_delivered() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("FREE").await;
    let body = json!({ "eventTypes": ["email.*"], "webhookUrl": receiver.url("/") });
    acme.post("/api/v1/event-subscriptions", body).await.created();
    for (path, extra) in [("/api/v1/events", json!({})), ("/api/v1/events/ingest", json!({ "sourceApp": "mailer" }))] {
        let mut body = json!({
            "eventType": "email.sent", "payload": { "to": "a@example.org", "n": 1.0 },
            "entityType": "message", "entityId": "m_1",
        });
        body.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap_or_default());
        let data = acme.post(path, body).await.accepted();
        assert!(text(&data["eventId"]).starts_with("evt_"));
        assert_eq!(data["eventType"], "email.sent");
        assert_eq!(data["subscriptionsNotified"], 1);
        for count in ["triggersEvaluated", "triggersMatched", "triggersExecuted"] {
            assert_eq!(data[count], 0);
        }
        assert_eq!(data["results"], json!([]));
    }
    app.settle().await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].json()["event"], "email.sent");
    assert_eq!(requests[0].json()["data"], json!({ "to": "a@example.org", "n": 1.0 }));
    let log = acme.get("/api/v1/event-log?eventType=email.sent").await.ok();
    assert_eq!((&log["total"], &log["page"], &log["limit"]), (&json!(2), &json!(1), &json!(20)));
    let item = &log["items"][0];
    assert_eq!((&item["entityType"], &item["entityId"]), (&json!("message"), &json!("m_1")));
    assert!(item["payload"].is_object());
    for (filter, total) in [
        ("sourceApp=mailer", 1),
        ("sourceApp=default", 1),
        ("entityType=message&entityId=m_1", 2),
        ("entityType=other", 0),
        ("from=2026-05-06T12:00:00Z", 2),
        ("to=2026-05-06T11:59:59Z", 0),
        ("eventType=email.opened", 0),
    ] {
        let log = acme.get(&format!("/api/v1/event-log?eventType=email.sent&{filter}")).await.ok();
        let expected = if filter.starts_with("eventType") { 2 } else { total };
        assert_eq!(log["total"], expected, "{filter}");
    }
    // An ingested event counts toward no quota.
    assert_eq!(acme.get("/api/v1/events/custom/health").await.ok()["emits"]["thisMonth"], 0);
    app.stop().await;
}

#[tokio::test]
async fn custom_events_are_in_the_log_under_their_canonical_name() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.organization("PRO").await, app.organization("PRO").await);
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    let name = format!("TENANT_CUSTOM:{}:platformxe.generic@1.0.0", acme.id);
    let log = acme.get(&format!("/api/v1/event-log?eventType={name}")).await.ok();
    assert_eq!(log["total"], 1);
    let item = &log["items"][0];
    assert_eq!((&item["id"], &item["eventType"], &item["sourceApp"]), (&json!(emit), &json!(name), &json!("default")));
    assert_eq!((&item["entityType"], &item["payload"]), (&json!(null), &json!({ "kind": "k" })));
    assert_eq!(globex.get(&format!("/api/v1/event-log?eventType={name}")).await.ok()["total"], 0);
    assert_eq!(acme.get("/api/v1/event-log?eventType=TENANT_CUSTOM:x").await.ok()["total"], 0);
    // An ingested event is not among the emits.
    let ingested = acme.post("/api/v1/events", json!({ "eventType": "a", "payload": {} })).await.accepted();
    assert_eq!(acme.get("/api/v1/emits").await.ok()["total"], 1);
    let path = format!("/api/v1/emits/{}", text(&ingested["eventId"]));
    acme.get(&path).await.refused(404, "NOT_FOUND");
    app.stop().await;
}

#[tokio::test]
async fn pages_of_the_log_begin_with_the_newest() {
    let app = TestApp::start().await;
    let acme = app.organization("FREE").await;
    for number in 0..5 {
        app.clock.advance(std::time::Duration::from_secs(1));
        acme.post("/api/v1/events", json!({ "eventType": "tick", "payload": { "number": number } })).await.accepted();
    }
    let page = acme.get("/api/v1/event-log?eventType=tick&page=2&limit=2").await.ok();
    let numbers: Vec<_> =
        page["items"].as_array().expect("items").iter().map(|item| &item["payload"]["number"]).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(page["total"], 5);
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_ingested_is_refused() {
    let app = TestApp::start().await;
    let acme = app.organization("FREE").await;
    let long = "x".repeat(1_000);
    for body in [
        json!({}),
        json!({ "eventType": "a" }),
        json!({ "payload": {} }),
        json!({ "eventType": "a", "payload": [] }),
        json!({ "eventType": "", "payload": {} }),
        json!({ "eventType": "a*", "payload": {} }),
        json!({ "eventType": "a\u{0}", "payload": {} }),
        json!({ "eventType": long, "payload": {} }),
        json!({ "eventType": "TENANT_CUSTOM:org_1:a.b@1.0.0", "payload": {} }),
        json!({ "eventType": "CUSTOM_EVENT_REGISTERED", "payload": {} }),
        json!({ "eventType": "a", "payload": {}, "entityType": "t" }),
        json!({ "eventType": "a", "payload": {}, "sourceApp": "a\nb" }),
        json!({ "eventType": 1, "payload": {} }),
    ] {
        acme.post("/api/v1/events", body).await.refused(400, "BAD_REQUEST");
    }
    let large = json!({ "eventType": "a", "payload": { "a": "x".repeat(262_144) } });
    acme.post("/api/v1/events", large).await.refused(413, "payload_too_large");
    assert_eq!(acme.get("/api/v1/event-log?sourceApp=default").await.ok()["total"], 0);
    app.stop().await;
}

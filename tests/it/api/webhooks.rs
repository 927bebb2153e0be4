//! Webhooks (contract 5.4): the other view of subscriptions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Receiver, Reply, TestApp, client::text};

const WEBHOOKS: &str = "/api/v1/webhooks";
const URL: &str = "https://receiver.example/hook";

#[tokio::test]
async fn a_webhook_answers_the_names_of_all_clients_and_its_secret_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let body = json!({ "name": "Mine", "url": URL, "events": ["zeta", "email.message.*", "alpha"] });
    let mut data = tenant.post(WEBHOOKS, body).await.created();
    assert!(text(&data["secret"]).starts_with("whsec_"));
    data.as_object_mut().expect("an object").remove("secret");
    let id = text(&data["id"]);
    assert!(id.starts_with("wh_"), "{id}");
    let expected = json!({
        "id": id, "organizationId": tenant.id, "name": "Mine", "url": URL,
        "events": ["zeta", "email.message.*", "alpha"], "isActive": true, "active": true, "enabled": true,
        "status": "ACTIVE", "filter": null, "labels": {}, "signatureScheme": "platform", "retrySchedule": null,
        "maxInFlight": null, "rateLimitPerSecond": null, "headerNames": [], "startAt": null,
        "previousSecretUntil": null, "disabledAt": null, "disabledReason": null, "lastTriggeredAt": null,
        "createdAt": "2026-05-06T12:00:00.000Z", "updatedAt": "2026-05-06T12:00:00.000Z",
    });
    assert_eq!(data, expected);
    assert_eq!(tenant.get(&format!("{WEBHOOKS}/{id}")).await.ok(), expected);
    assert_eq!(tenant.get(WEBHOOKS).await.ok(), json!({ "webhooks": [expected] }));
    app.stop().await;
}

/// Terraform compares the values that it wrote with those that it reads, and replaces a webhook that differs.
#[tokio::test]
async fn terraform_reads_what_it_wrote() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let written = json!({
        "name": " My  Webhook ", "url": "HTTPS://Receiver.Example:443/a/../b?x=%7e", "events": ["b", "a", "c.*"],
        "isActive": false,
    });
    let created = tenant.post(WEBHOOKS, written.clone()).await.created();
    assert!(!text(&created["secret"]).is_empty());
    let path = format!("{WEBHOOKS}/{}", text(&created["id"]));
    let read = tenant.get(&path).await.ok();
    for (member, value) in written.as_object().expect("an object") {
        assert_eq!((&created[member], &read[member]), (value, value), "{member}");
    }
    let changed = json!({ "name": "n", "url": "https://receiver.example", "events": ["c.*", "b"], "isActive": true });
    tenant.patch(&path, changed.clone()).await.ok();
    let read = tenant.get(&path).await.ok();
    for (member, value) in changed.as_object().expect("an object") {
        assert_eq!(&read[member], value, "{member}");
    }
    assert_eq!(tenant.delete(&path).await.ok(), json!({ "deleted": true }));
    tenant.delete(&path).await.refused(404, "NOT_FOUND");
    app.stop().await;
}

#[tokio::test]
async fn every_name_of_being_active_is_read() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for (member, value) in [
        ("isActive", json!(false)),
        ("is_active", json!(false)),
        ("active", json!(false)),
        ("enabled", json!(false)),
        ("status", json!("PAUSED")),
    ] {
        let mut body = json!({ "url": URL, "events": ["a"] });
        body[member] = value.clone();
        let paused = tenant.post(WEBHOOKS, body).await.created();
        for shown in ["isActive", "active", "enabled"] {
            assert_eq!(paused[shown], false, "{member}");
        }
        let path = format!("{WEBHOOKS}/{}", text(&paused["id"]));
        let value = if value.is_string() { json!("ACTIVE") } else { json!(true) };
        assert_eq!(tenant.patch(&path, json!({ member: value })).await.ok()["isActive"], true, "{member}");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_refused() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let sound = json!({ "url": URL, "events": ["a"] });
    for (member, value) in [
        ("events", json!(null)),
        ("events", json!([])),
        ("events", json!("a")),
        ("events", json!(["a", "a"])),
        ("url", json!(null)),
        ("url", json!("")),
        ("url", json!("ftp://receiver.example")),
        ("isActive", json!("yes")),
        ("active", json!(1)),
        ("status", json!("DISABLED")),
        ("name", json!(7)),
        ("secret", json!("short")),
    ] {
        let mut body = sound.clone();
        body[member] = value.clone();
        let answer = tenant.post(WEBHOOKS, body).await;
        assert_eq!(answer.refusal(), (400, "BAD_REQUEST".to_owned()), "{member} {value}");
        assert!(text(&answer.body()["error"]["message"]).contains(member), "{answer}");
    }
    assert_eq!(tenant.get(WEBHOOKS).await.ok(), json!({ "webhooks": [] }));
    app.stop().await;
}

#[tokio::test]
async fn without_a_name_a_webhook_is_called_after_its_first_event() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let data = tenant.post(WEBHOOKS, json!({ "url": URL, "events": ["email.sent", "a"] })).await.created();
    assert_eq!(data["name"], "email.sent");
    app.stop().await;
}

#[tokio::test]
async fn each_list_has_what_was_created_through_it_and_either_view_finds_all() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let (subscription, _) = tenant.subscribe_all(URL).await;
    let webhook = text(&tenant.post(WEBHOOKS, json!({ "url": URL, "events": ["b", "a"] })).await.created()["id"]);
    let ids =
        |list: &Value| -> Vec<String> { list.as_array().expect("a list").iter().map(|one| text(&one["id"])).collect() };
    assert_eq!(ids(&tenant.get(WEBHOOKS).await.ok()["webhooks"]), [webhook.as_str()]);
    assert_eq!(ids(&tenant.get("/api/v1/event-subscriptions").await.ok()["subscriptions"]), [subscription.as_str()]);
    let seen = tenant.get(&format!("/api/v1/event-subscriptions/{webhook}")).await.ok();
    assert_eq!((&seen["eventTypes"], &seen["webhookUrl"]), (&json!(["b", "a"]), &json!(URL)));
    let seen = tenant.patch(&format!("{WEBHOOKS}/{subscription}"), json!({ "events": ["x"] })).await.ok();
    assert_eq!((&seen["events"], &seen["url"]), (&json!(["x"]), &json!(URL)));
    assert_eq!(tenant.delete(&format!("{WEBHOOKS}/{subscription}")).await.ok(), json!({ "deleted": true }));
    tenant.get(&format!("/api/v1/event-subscriptions/{subscription}")).await.refused(404, "NOT_FOUND");
    app.stop().await;
}

#[tokio::test]
async fn a_webhook_gets_its_events_and_shows_its_deliveries() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    let events = json!([format!("TENANT_CUSTOM:{}:platformxe.*", tenant.id)]);
    let id = text(&tenant.post(WEBHOOKS, json!({ "url": receiver.url("/"), "events": events })).await.created()["id"]);
    tenant.subscribe_all(&receiver.url("/another")).await;
    receiver.always(Reply::status(500));
    let mut emits = Vec::new();
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(1));
        emits.push(tenant.emit_generic(json!({ "kind": "k" })).await);
        app.settle().await;
    }
    receiver.always(Reply::status(200));
    app.clock.advance(Duration::from_secs(35));
    app.settle().await;
    emits.push(tenant.emit_generic(json!({ "kind": "k" })).await);
    receiver.then(Reply::status(500));
    app.settle().await;
    let path = format!("{WEBHOOKS}/{id}/deliveries");
    let page = tenant.get(&format!("{path}?limit=3")).await.ok();
    assert_eq!((&page["total"], &page["page"], &page["limit"]), (&json!(4), &json!(1), &json!(3)));
    let listed: Vec<String> =
        page["items"].as_array().expect("a list").iter().map(|one| text(&one["emitId"])).collect();
    assert_eq!(listed, [emits[3].clone(), emits[2].clone(), emits[1].clone()]);
    assert_eq!(tenant.get(&format!("{path}?page=2&limit=3")).await.ok()["items"][0]["emitId"], emits[0]);
    let counted = |status: &str| format!("{path}?status={status}");
    let all: i64 = 4;
    let of = async |status: &str| tenant.get(&counted(status)).await.ok()["total"].as_i64().expect("a number");
    assert_eq!(of("SUCCESS").await + of("RETRYING").await, all);
    assert_eq!((of("PENDING").await, of("FAILED").await), (0, 0));
    tenant.get(&counted("DONE")).await.refused(400, "BAD_REQUEST");
    tenant.get(&format!("{WEBHOOKS}/wh_00000000000000000000000000/deliveries")).await.refused(404, "NOT_FOUND");
    app.stop().await;
}

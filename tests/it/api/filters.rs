//! Content filters when they are set (contract 14.3).

use serde_json::{Value, json};

use crate::support::{Client, Receiver, TestApp, client::text};

const URL: &str = "https://receiver.example/hook";

async fn register(tenant: &Client) -> String {
    let schema = json!({
        "type": "object", "additionalProperties": false,
        "properties": { "status": { "type": "string" }, "amount": { "type": "number" } },
    });
    let body = json!({
        "namespace": tenant.namespace, "name": "order", "version": "1.0.0", "status": "published", "payloadSchema": schema,
    });
    tenant.post("/api/v1/events/custom", body).await.created();
    format!("{}.order", tenant.namespace)
}

#[tokio::test]
async fn a_filter_is_kept_changed_and_taken_away() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let filter =
        json!({ "status": ["paid", { "prefix": "re" }], "$or": [{ "a": [1] }, { "b": [{ "exists": false }] }] });
    let body = json!({ "url": URL, "events": ["email.*"], "filter": filter });
    let created = tenant.post("/api/v1/webhooks", body).await.created();
    assert_eq!(created["filter"], filter);
    let path = format!("/api/v1/webhooks/{}", text(&created["id"]));
    assert_eq!(tenant.get(&path).await.ok()["filter"], filter);
    assert_eq!(tenant.patch(&path, json!({ "name": "n" })).await.ok()["filter"], filter);
    let other = json!({ "status": ["new"] });
    assert_eq!(tenant.patch(&path, json!({ "filter": other })).await.ok()["filter"], other);
    assert_eq!(tenant.patch(&path, json!({ "filter": null })).await.ok()["filter"], Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn a_malformed_filter_is_refused_with_its_path() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = text(&tenant.post("/api/v1/webhooks", json!({ "url": URL, "events": ["a"] })).await.created()["id"]);
    for filter in
        [json!([]), json!("a"), json!({ "a": "b" }), json!({ "a": { "b": 1 } }), json!({ "a": [{ "like": "x" }] })]
    {
        let body = json!({ "eventTypes": ["a"], "webhookUrl": URL, "filter": filter });
        let answer = tenant.post("/api/v1/event-subscriptions", body).await;
        answer.refused(400, "filter_invalid");
        assert!(answer.body()["error"]["details"]["path"].is_string(), "{answer}");
        let body = json!({ "name": "platformxe.generic", "webhookUrl": URL, "filter": filter });
        tenant.post("/api/v1/events/custom/subscribe", body).await.refused(400, "filter_invalid");
        let patched = tenant.patch(&format!("/api/v1/webhooks/{id}"), json!({ "filter": filter })).await;
        patched.refused(400, "filter_invalid");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_filter_that_no_schema_lets_match_is_refused() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let name = register(&tenant).await;
    let canonical = format!("TENANT_CUSTOM:{}:{name}", tenant.id);
    let impossible = json!({ "statuss": ["paid"] });
    let body = json!({ "name": name, "webhookUrl": URL, "filter": impossible });
    let answer = tenant.post("/api/v1/events/custom/subscribe", body).await;
    answer.refused(400, "filter_never_matches");
    let details = &answer.body()["error"]["details"];
    assert_eq!((&details["path"], &details["nearest"]), (&json!("/statuss"), &json!("/status")));
    for (types, is_refused) in [
        (json!([format!("{canonical}@1.0.0")]), true),
        (json!([format!("{canonical}@*")]), true),
        // Of these nobody knows the payload.
        (json!([format!("{canonical}@*"), "email.sent"]), false),
        (json!([format!("{canonical}@2.0.0")]), false),
        (json!(["TENANT_CUSTOM:*"]), false),
    ] {
        let body = json!({ "eventTypes": types, "webhookUrl": URL, "filter": impossible });
        let answer = tenant.post("/api/v1/event-subscriptions", body).await;
        assert_eq!(answer.status, if is_refused { 400 } else { 201 }, "{types}: {answer}");
    }
    let body = json!({ "eventTypes": ["email.sent"], "webhookUrl": URL, "filter": impossible });
    let id = text(&tenant.post("/api/v1/event-subscriptions", body).await.created()["id"]);
    let path = format!("/api/v1/event-subscriptions/{id}");
    let narrowed = tenant.patch(&path, json!({ "eventTypes": [format!("{canonical}@1.0.0")] })).await;
    narrowed.refused(400, "filter_never_matches");
    assert_eq!(tenant.get(&path).await.ok()["eventTypes"], json!(["email.sent"]));
    app.stop().await;
}

#[tokio::test]
async fn a_filter_decides_what_arrives() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let name = register(&tenant).await;
    let filter = json!({ "status": ["paid"], "amount": [{ "numeric": [">", 10] }] });
    let body = json!({ "name": name, "webhookUrl": receiver.url("/"), "filter": filter });
    tenant.post("/api/v1/events/custom/subscribe", body).await.created();
    for payload in [
        json!({ "status": "paid", "amount": 11 }),
        json!({ "status": "paid", "amount": 10 }),
        json!({ "status": "new", "amount": 12 }),
        json!({}),
    ] {
        tenant.emit(&name, payload).await;
    }
    app.settle().await;
    let arrived: Vec<Value> = receiver.requests().iter().map(|request| request.json()["data"].clone()).collect();
    assert_eq!(arrived, [json!({ "status": "paid", "amount": 11 })]);
    app.stop().await;
}

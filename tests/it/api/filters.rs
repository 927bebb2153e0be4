//! Setting filters of subscriptions (contract 14.3). `runtime/filters.rs` and `delivery/filters.rs` test
//! which events a filter matches.

use serde_json::{Value, json};
use weir::domain::limits::FILTER_SCHEMAS_MAX;

use crate::support::{Client, TestApp};

const URL: &str = "https://receiver.example/hook";

/// Publishes a version of an event that has these members and no others.
async fn register(tenant: &Client, name: &str, version: &str, properties: &Value) {
    let body = json!({
        "namespace": tenant.namespace, "name": name, "version": version, "status": "published",
        "payloadSchema": { "type": "object", "additionalProperties": false, "properties": properties },
    });
    tenant.post("/api/v1/events/custom", body).await.created();
}

/// The code of a refusal, the path in the filter, and the nearest name.
fn refusal(body: &Value) -> (Value, Value, Value) {
    let error = &body["error"];
    (error["code"].clone(), error["details"]["path"].clone(), error["details"]["nearest"].clone())
}

#[tokio::test]
async fn a_filter_is_kept_changed_and_taken_away() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let filter =
        json!({ "state": ["paid"], "total": [{ "numeric": [">=", 1.50] }], "$or": [{ "a": [1] }, { "b": [null] }] });
    for (path, mut body) in [
        ("/api/v1/event-subscriptions", json!({ "eventTypes": ["email.*"], "webhookUrl": URL })),
        ("/api/v1/webhooks", json!({ "events": ["email.*"], "url": URL })),
    ] {
        body["filter"] = filter.clone();
        let created = tenant.post(path, body).await.created();
        assert_eq!(created["filter"].to_string(), filter.to_string(), "{path}");
        let at = format!("{path}/{}", created["id"].as_str().expect("an id"));
        assert_eq!(tenant.get(&at).await.ok()["filter"], filter);
        let other = json!({ "a": [{ "prefix": "x" }] });
        assert_eq!(tenant.patch(&at, json!({ "filter": other })).await.ok()["filter"], other);
        assert_eq!(tenant.patch(&at, json!({ "name": "x" })).await.ok()["filter"], other);
        assert_eq!(tenant.patch(&at, json!({ "filter": null })).await.ok()["filter"], Value::Null);
    }
    app.stop().await;
}

#[tokio::test]
async fn what_is_no_filter_is_refused_with_its_place() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let filter = json!({ "total": [{ "numeric": [">=", "1"] }] });
    for (path, body) in [
        (
            "/api/v1/events/custom/subscribe",
            json!({ "name": "platformxe.generic", "webhookUrl": URL, "filter": filter }),
        ),
        ("/api/v1/event-subscriptions", json!({ "eventTypes": ["a"], "webhookUrl": URL, "filter": filter })),
        ("/api/v1/webhooks", json!({ "events": ["a"], "url": URL, "filter": filter })),
    ] {
        let answer = tenant.post(path, body).await;
        answer.refused(400, "filter_invalid");
        assert_eq!(refusal(&answer.body()).1, "/total/0/numeric/1", "{path}");
    }
    let created = tenant.post("/api/v1/webhooks", json!({ "events": ["a"], "url": URL })).await.created();
    let at = format!("/api/v1/webhooks/{}", created["id"].as_str().expect("an id"));
    tenant.patch(&at, json!({ "filter": [] })).await.refused(400, "filter_invalid");
    app.stop().await;
}

#[tokio::test]
async fn a_filter_that_no_event_can_match_is_refused_with_what_was_meant() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    register(
        &tenant,
        "order.placed",
        "1.0.0",
        &json!({ "state": { "enum": ["paid"] }, "total": { "type": "number" } }),
    )
    .await;
    let name = format!("{}.order.placed", tenant.namespace);
    for (filter, path, nearest) in [
        (json!({ "stat": ["paid"] }), "/stat", json!("/state")),
        (json!({ "state": ["new"] }), "/state", Value::Null),
        (json!({ "total": ["1"] }), "/total", Value::Null),
    ] {
        let body = json!({ "name": name, "webhookUrl": URL, "filter": filter });
        let answer = tenant.post("/api/v1/events/custom/subscribe", body).await;
        answer.refused(400, "filter_never_matches");
        assert_eq!(refusal(&answer.body()), (json!("filter_never_matches"), json!(path), nearest), "{filter}");
    }
    let body = json!({ "name": name, "webhookUrl": URL, "filter": { "state": ["paid", "new"] } });
    tenant.post("/api/v1/events/custom/subscribe", body).await.created();
    app.stop().await;
}

#[tokio::test]
async fn one_version_or_event_that_may_match_is_enough() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    register(&tenant, "order.placed", "1.0.0", &json!({ "a": { "type": "string" } })).await;
    register(&tenant, "order.moved", "1.0.0", &json!({ "b": { "type": "string" } })).await;
    let own = |name: &str| format!("TENANT_CUSTOM:{}:{}.{name}", tenant.id, tenant.namespace);
    let subscribe = async |event_types: &[String]| {
        let body = json!({ "eventTypes": event_types, "webhookUrl": URL, "filter": { "b": ["x"] } });
        tenant.post("/api/v1/event-subscriptions", body).await
    };
    subscribe(&[own("order.placed@*")]).await.refused(400, "filter_never_matches");
    subscribe(&[own("order.placed@1.0.0")]).await.refused(400, "filter_never_matches");
    let created = subscribe(&[own("order.*")]).await.created();
    // The host has no schema of an event that is not registered here, and takes any filter for it.
    subscribe(&[own("order.placed@*"), "email.*".to_owned()]).await.created();
    subscribe(&["TENANT_CUSTOM:*".to_owned()]).await.created();
    subscribe(&[own("never.registered@*")]).await.created();
    // A change of the events is checked against the filter that the subscription has.
    let at = format!("/api/v1/event-subscriptions/{}", created["id"].as_str().expect("an id"));
    tenant.patch(&at, json!({ "eventTypes": [own("order.placed@*")] })).await.refused(400, "filter_never_matches");
    assert_eq!(tenant.get(&at).await.ok()["eventTypes"], json!([own("order.*")]));
    app.stop().await;
}

#[tokio::test]
async fn filter_schemas_max() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let body = json!({
        "eventTypes": [format!("TENANT_CUSTOM:{}:{}.*", tenant.id, tenant.namespace)],
        "webhookUrl": URL, "filter": { "b": ["x"] },
    });
    for number in 0..FILTER_SCHEMAS_MAX {
        register(&tenant, &format!("event-{number}"), "1.0.0", &json!({})).await;
    }
    tenant.post("/api/v1/event-subscriptions", body.clone()).await.refused(400, "filter_never_matches");
    register(&tenant, "one-more", "1.0.0", &json!({})).await;
    tenant.post("/api/v1/event-subscriptions", body).await.created();
    app.stop().await;
}

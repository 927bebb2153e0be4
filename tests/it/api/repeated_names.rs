//! A name that stands twice in one object is refused in every body: readers take the first member or the last
//! one, so what is checked and what is delivered could be two things.

use serde_json::{Value, json};

use super::{ROUTES, routes::Who};
use crate::support::{Client, Receiver, TestApp, client::unknown_id};

const EMIT: &str = "/api/v1/events/custom/emit";

/// An emit of an event for which `qty` has to be positive.
async fn registered(tenant: &Client) -> String {
    let schema = json!({
        "type": "object", "properties": { "qty": { "type": "integer", "minimum": 1 } }, "required": ["qty"],
    });
    let body = json!({
        "namespace": tenant.namespace, "name": "order", "version": "1.0.0", "payloadSchema": schema,
        "status": "published",
    });
    tenant.post("/api/v1/events/custom", body).await.created();
    format!("{}.order", tenant.namespace)
}

#[tokio::test]
async fn a_payload_with_a_name_twice_is_refused_and_not_delivered() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let name = registered(&tenant).await;
    tenant.subscribe_all(&receiver.url("/")).await;
    for (payload, path) in [
        (r#"{"qty":-1,"qty":1}"#, "/qty"),
        (r#"{"qty":1,"a/b":[{"\u0063":1,"c":2}]}"#, "/a~1b/0/c"),
        (r#"{"qty":1,"x":{"y":{"z":0,"z":0}}}"#, "/x/y/z"),
    ] {
        let body = format!(r#"{{"name":"{name}","payload":{payload}}}"#);
        let refused = tenant.send("POST", EMIT, Some(body)).await;
        refused.refused(400, "payload_invalid");
        assert_eq!(refused.body()["error"]["details"]["errors"][0]["path"], path, "{refused}");
        let body = format!(r#"{{"eventType":"app.order","payload":{payload}}}"#);
        tenant.send("POST", "/api/v1/events", Some(body)).await.refused(400, "payload_invalid");
    }
    let body = format!(r#"{{"name":"{name}","payload":{{"qty":1,"list":[{{"qty":1}},{{"qty":2}}]}}}}"#);
    tenant.send("POST", EMIT, Some(body)).await.accepted();
    app.settle().await;
    assert_eq!(receiver.requests().len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn every_body_with_a_name_twice_is_refused() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PATCH")) {
        let client = if route.who == Who::Operator { app.admin() } else { tenant.clone() };
        let path: Vec<String> = route
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { unknown_id("org_") } else { part.to_owned() })
            .collect();
        for (body, pointer) in
            [(r#"{"x":1,"x":2}"#, "/x"), (r#"{"unread":{"list":[0,{"a":1,"b":2,"a":3}]}}"#, "/unread/list/1/a")]
        {
            let answer = client.send(route.method, &path.join("/"), Some(body)).await;
            // Some routes read no body.
            if READ_NO_BODY.iter().any(|end| route.path.ends_with(end)) {
                continue;
            }
            answer.refused(400, answer.body()["error"]["code"].as_str().expect("a code"));
            assert!(answer.text.contains(&format!("at {pointer}: ")), "{answer}");
            assert_eq!(answer.body()["error"]["details"]["pointer"], pointer, "{answer}");
        }
    }
    app.stop().await;
}

/// The ends of the paths of routes that read no body.
const READ_NO_BODY: [&str; 0] = [];

#[tokio::test]
async fn fields_with_a_code_of_their_own_keep_it() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let event = |field: &str| {
        let namespace = &tenant.namespace;
        format!(r#"{{"namespace":"{namespace}","name":"order","version":"1.0.0",{field}}}"#)
    };
    let subscription = |field: &str| format!(r#"{{"eventTypes":["a"],"webhookUrl":"https://example.com/",{field}}}"#);
    for (path, body, code, pointer) in [
        (
            "/api/v1/events/custom",
            event(r#""payloadSchema":{"type":"object","properties":{"a":{}},"properties":{"b":{}}}"#),
            "invalid_json_schema",
            "/payloadSchema/properties",
        ),
        (
            "/api/v1/events/custom/dry-run",
            event(r#""payloadSchema":{},"payloadExample":{"a":1,"a":2}"#),
            "payload_example_does_not_match_schema",
            "/payloadExample/a",
        ),
        ("/api/v1/event-subscriptions", subscription(r#""filter":{"a":[1],"a":[2]}"#), "filter_invalid", "/filter/a"),
        ("/api/v1/event-subscriptions", subscription(r#""labels":{"a":"1","a":"2"}"#), "BAD_REQUEST", "/labels/a"),
        (EMIT, r#"{"name":"platformxe.generic","name":"a.b","payload":{}}"#.to_owned(), "invalid_request", "/name"),
    ] {
        let refused = tenant.send("POST", path, Some(body)).await;
        refused.refused(400, code);
        assert!(refused.text.contains(&format!("at {pointer}: ")), "{refused}");
    }
    app.stop().await;
}

/// Ids of twenty digits are other numbers, although no floating-point number tells them apart.
#[tokio::test]
async fn an_idempotency_key_with_another_big_integer_is_refused() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let emit = async |number: &str| {
        let payload = format!(r#"{{"kind":"k","data":{{"id":{number}}}}}"#);
        let body = format!(r#"{{"name":"platformxe.generic","idempotencyKey":"{}","payload":{payload}}}"#, "key");
        tenant.send("POST", EMIT, Some(body)).await
    };
    let first: Value = emit("1524831183200260097").await.accepted();
    emit("1524831183200260098").await.refused(409, "idempotency_key_reused");
    emit("1524831183200260097.000000000000000000001").await.refused(409, "idempotency_key_reused");
    assert_eq!(emit("1.524831183200260097e18").await.accepted(), first);
    app.stop().await;
}

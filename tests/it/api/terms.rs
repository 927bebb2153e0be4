//! Delivery terms of a subscription, such as its rate and its retries (contract 14.3), the same through
//! all three routes that create one.

use serde_json::{Value, json};

use crate::support::{Client, TestApp, client::text};

const URL: &str = "https://receiver.example/hook";

/// Creates a subscription through one of the three routes. Gives the status and the body of the answer,
/// and the path at which the subscription is read.
async fn create(tenant: &Client, door: &str, extras: &Value) -> (u16, Value, String) {
    let mut body = match door {
        "subscribe" => json!({ "name": "platformxe.generic", "webhookUrl": URL }),
        "webhooks" => json!({ "url": URL, "events": ["a"] }),
        _ => json!({ "eventTypes": ["a"], "webhookUrl": URL }),
    };
    body.as_object_mut().expect("an object").extend(extras.as_object().expect("an object").clone());
    let (path, read_at) = match door {
        "subscribe" => ("/api/v1/events/custom/subscribe", "/api/v1/event-subscriptions"),
        "webhooks" => ("/api/v1/webhooks", "/api/v1/webhooks"),
        _ => ("/api/v1/event-subscriptions", "/api/v1/event-subscriptions"),
    };
    let answer = tenant.post(path, body).await;
    let body = answer.body();
    let id = body["data"]["id"].as_str().or(body["data"]["subscriptionId"].as_str()).unwrap_or_default();
    let read_at = format!("{read_at}/{id}");
    (answer.status, body, read_at)
}

const DOORS: [&str; 3] = ["subscribe", "webhooks", "event-subscriptions"];

#[tokio::test]
async fn terms_are_kept_and_taken_away() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let asked = json!({
        "labels": { "zone": "eu", "a": "" }, "signatureScheme": "timestamped", "retrySchedule": [0, 30, 86_400],
        "maxInFlight": 5, "rateLimitPerSecond": 7, "headers": { "X-Zone": "secret-value", "Authorization": "secret-value" },
    });
    for door in DOORS {
        let (status, body, path) = create(&tenant, door, &asked).await;
        assert_eq!(status, 201, "{body}");
        let answer = tenant.get(&path).await;
        assert!(!answer.text.contains("secret-value"), "{answer}");
        let read = answer.ok();
        for member in ["labels", "signatureScheme", "retrySchedule", "maxInFlight", "rateLimitPerSecond"] {
            assert_eq!(read[member], asked[member], "{door} {member}");
        }
        assert_eq!(read["labels"].to_string(), r#"{"zone":"eu","a":""}"#, "their order is kept");
        assert_eq!(read["headerNames"], json!(["Authorization", "X-Zone"]));
        let kept = tenant.patch(&path, json!({ "name": "other" })).await.ok();
        assert_eq!((&kept["headerNames"], &kept["maxInFlight"]), (&read["headerNames"], &read["maxInFlight"]));
        let nothing = json!({
            "labels": null, "signatureScheme": null, "retrySchedule": null, "maxInFlight": null,
            "rateLimitPerSecond": null, "headers": null, "filter": null,
        });
        let bare = tenant.patch(&path, nothing).await.ok();
        let members =
            ["labels", "signatureScheme", "retrySchedule", "maxInFlight", "rateLimitPerSecond", "headerNames"];
        let left: Vec<&Value> = members.iter().map(|member| &bare[member]).collect();
        assert_eq!(json!(left), json!([{}, "platform", null, null, null, []]), "{door}");
        assert_eq!(tenant.get(&path).await.ok(), bare);
    }
    app.stop().await;
}

#[tokio::test]
async fn wrong_terms_are_refused_by_name() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let many_steps = json!(vec![1; 21]);
    let many_headers: Value =
        (0..21).map(|number| (format!("x-{number}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    for (member, value) in [
        ("labels", json!([])),
        ("labels", json!({ "a": 1 })),
        ("labels", json!({ "": "a" })),
        ("signatureScheme", json!("v1")),
        ("signatureScheme", json!(1)),
        ("retrySchedule", json!("30,120")),
        ("retrySchedule", json!([-1])),
        ("retrySchedule", json!([1.5])),
        ("retrySchedule", json!([86_401])),
        ("retrySchedule", json!([9_000_000_000_i64])),
        ("retrySchedule", many_steps),
        ("maxInFlight", json!(0)),
        ("maxInFlight", json!(101)),
        ("maxInFlight", json!(1.5)),
        ("maxInFlight", json!("1")),
        ("rateLimitPerSecond", json!(0)),
        ("rateLimitPerSecond", json!(-1)),
        ("rateLimitPerSecond", json!(10_001)),
        ("headers", json!(["a"])),
        ("headers", json!({ "x-a": 1 })),
        ("headers", json!({ "X-Event-Signature": "forged" })),
        ("headers", json!({ "content-type": "text/plain" })),
        ("headers", json!({ "Transfer-Encoding": "chunked" })),
        ("headers", json!({ "webhook-id": "1" })),
        ("headers", json!({ "x a": "1" })),
        ("headers", json!({ "x-a": "1\r\nx-b: 2" })),
        ("headers", json!({ "x-a": "v".repeat(5_000) })),
        ("headers", many_headers),
        ("startAt", json!("yesterday")),
        ("startAt", json!("2026-05-06T12:00:00.001Z")),
        ("startAt", json!(0)),
    ] {
        for door in DOORS {
            let (status, body, _) = create(&tenant, door, &json!({ member: value })).await;
            let code = if door == "subscribe" { "invalid_request" } else { "BAD_REQUEST" };
            assert_eq!((status, &body["error"]["code"]), (400, &json!(code)), "{door} {member} {value}: {body}");
            assert!(text(&body["error"]["message"]).contains(member), "{door} {value}: {body}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn max_in_flight_max() {
    number("maxInFlight", i64::from(weir::domain::limits::MAX_IN_FLIGHT_MAX)).await;
}

#[tokio::test]
async fn rate_limit_per_second_max() {
    number("rateLimitPerSecond", i64::from(weir::domain::limits::RATE_LIMIT_PER_SECOND_MAX)).await;
}

/// The member takes 1 to `max` and nothing beyond.
async fn number(member: &str, max: i64) {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for (number, expected) in [(0, 400), (1, 201), (max, 201), (max + 1, 400)] {
        let (status, body, _) = create(&tenant, "webhooks", &json!({ member: number })).await;
        assert_eq!(status, expected, "{number}: {body}");
    }
    app.stop().await;
}

#[tokio::test]
async fn unknown_components_are_not_found() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    for extras in [
        json!({ "component": "mine@1.0.0", "webhookUrl": null, "url": null }),
        json!({ "componentId": "cmp_1" }),
        json!({ "transformer": { "component": "mine", "config": {} } }),
        json!({ "adapter": { "component": "mine" } }),
    ] {
        for door in DOORS {
            let (status, body, _) = create(&tenant, door, &extras).await;
            assert_eq!((status, &body["error"]["code"]), (400, &json!("component_not_found")), "{door} {extras}");
        }
    }
    app.stop().await;
}

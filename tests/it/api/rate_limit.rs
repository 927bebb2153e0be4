//! Requests per hour and key (contract 1.10).

use std::time::Duration;

use serde_json::json;
use weir::domain::limits;

use crate::support::{Answer, Client, TestApp};

const EVENTS: &str = "/api/v1/events/custom";

async fn limited() -> TestApp {
    TestApp::with(|settings| {
        settings.requests_per_hour = 3;
        settings.emits_per_hour = 2;
    })
    .await
}

async fn emit(client: &Client) -> Answer {
    let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
    client.post("/api/v1/events/custom/emit", body).await
}

/// Limit, remaining and reset, as the headers say.
fn standing(answer: &Answer) -> [i64; 3] {
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(|name| {
        let value = answer.header(name).unwrap_or_else(|| panic!("no {name}: {answer}"));
        value.parse().expect("a number")
    })
}

/// The end of the hour: 2026-05-06T13:00:00Z.
const RESET: i64 = 1_778_072_400;

#[tokio::test]
async fn every_answer_says_how_much_is_left() {
    let app = limited().await;
    let tenant = app.organization("FREE").await;
    let answers = [
        tenant.get(EVENTS).await,
        tenant.post(EVENTS, json!({})).await,
        tenant.get(&format!("{EVENTS}/nonsense")).await,
        tenant.get(EVENTS).await,
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 400, 404, 429]);
    assert_eq!(answers.each_ref().map(standing), [[3, 2, RESET], [3, 1, RESET], [3, 0, RESET], [3, 0, RESET]]);
    app.stop().await;
}

#[tokio::test]
async fn beyond_the_limit_a_key_is_told_when_to_come_again() {
    let app = limited().await;
    let tenant = app.organization("FREE").await;
    for _ in 0..3 {
        tenant.get(EVENTS).await.ok();
    }
    app.clock.advance(Duration::from_millis(1_500));
    let answer = tenant.get(EVENTS).await;
    answer.refused(429, "RATE_LIMITED");
    let seconds: u32 = answer.header("retry-after").expect("a Retry-After").parse().expect("whole seconds");
    assert_eq!(seconds, 3_599, "never earlier than the hour ends");
    assert!(answer.body()["error"]["message"].as_str().is_some_and(|text| text.contains("3599")), "{answer}");
    app.clock.advance(Duration::from_secs(seconds.into()));
    tenant.get(EVENTS).await.ok();
    app.stop().await;
}

#[tokio::test]
async fn emits_are_counted_apart() {
    let app = limited().await;
    let tenant = app.organization("FREE").await;
    for expected in [[2, 1, RESET], [2, 0, RESET]] {
        let answer = emit(&tenant).await;
        answer.accepted();
        assert_eq!(standing(&answer), expected);
    }
    emit(&tenant).await.refused(429, "RATE_LIMITED");
    tenant.get(EVENTS).await.ok();
    app.stop().await;
}

#[tokio::test]
async fn each_key_has_its_own_limit_and_the_operator_none() {
    let app = limited().await;
    let (one, other) = (app.organization("FREE").await, app.organization("FREE").await);
    for _ in 0..4 {
        one.get(EVENTS).await;
    }
    one.get(EVENTS).await.refused(429, "RATE_LIMITED");
    other.get(EVENTS).await.ok();
    for _ in 0..5 {
        app.admin().get("/api/admin/v1/status").await.ok();
        app.anonymous().get("/api/health").await.ok();
    }
    app.stop().await;
}

#[tokio::test]
async fn requests_per_hour_default() {
    let app = TestApp::with(|settings| settings.requests_per_hour = limits::REQUESTS_PER_HOUR_DEFAULT).await;
    let tenant = app.organization("FREE").await;
    for _ in 0..1_000 {
        tenant.get(EVENTS).await.ok();
    }
    tenant.get(EVENTS).await.refused(429, "RATE_LIMITED");
    app.stop().await;
}

#[tokio::test]
async fn emits_per_hour_default() {
    let app = TestApp::with(|settings| settings.emits_per_hour = limits::EMITS_PER_HOUR_DEFAULT).await;
    let tenant = app.organization("FREE").await;
    assert_eq!(standing(&emit(&tenant).await), [36_000_000, 35_999_999, RESET]);
    app.stop().await;
}

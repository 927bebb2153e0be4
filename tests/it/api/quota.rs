//! The monthly quota of emits (contract 6.7).

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::support::{Answer, Client, TestApp};

const EMIT: &str = "/api/v1/events/custom/emit";
const LIMIT: usize = 1_000;

async fn emit(tenant: &Client, key: Option<usize>) -> Answer {
    let mut body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
    if let Some(key) = key {
        body["idempotencyKey"] = key.to_string().into();
    }
    tenant.post(EMIT, body).await
}

async fn this_month(tenant: &Client) -> i64 {
    let health = tenant.get("/api/v1/events/custom/health").await.ok();
    health["emits"]["thisMonth"].as_i64().expect("an integer")
}

/// Emits so often, many at once, and counts those that were accepted.
async fn emit_many(tenant: &Client, count: usize) -> usize {
    let answers: Vec<Answer> =
        stream::iter(0..count).map(|n| emit(tenant, Some(n))).buffer_unordered(64).collect().await;
    let (accepted, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 202);
    for answer in refused {
        answer.refused(402, "monthly_emit_quota_exceeded");
    }
    accepted.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quota_is_never_exceeded_by_one_and_ends_with_the_month() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    assert_eq!(emit_many(&tenant, LIMIT + 50).await, LIMIT);
    assert_eq!(this_month(&tenant).await, 1_000);
    assert_eq!(tenant.get("/api/v1/emits").await.ok()["total"], LIMIT, "nothing refused is kept");
    // Months are those of UTC.
    app.clock.advance_to("2026-05-31T23:59:59.999Z");
    emit(&tenant, None).await.refused(402, "monthly_emit_quota_exceeded");
    app.clock.advance_to("2026-06-01T00:00:00Z");
    assert_eq!(this_month(&tenant).await, 0);
    emit(&tenant, None).await.accepted();
    assert_eq!(this_month(&tenant).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_emit_is_answered_although_the_quota_is_used_up() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    assert_eq!(emit_many(&tenant, LIMIT).await, LIMIT);
    emit(&tenant, Some(0)).await.accepted();
    emit(&tenant, Some(LIMIT)).await.refused(402, "monthly_emit_quota_exceeded");
    // What was refused did not use up its key.
    let path = format!("/api/admin/v1/organizations/{}", tenant.id);
    app.admin().patch(&path, json!({ "plan": "BASIC" })).await.ok();
    emit(&tenant, Some(LIMIT)).await.accepted();
    assert_eq!(this_month(&tenant).await, 1_001);
    app.stop().await;
}

#[tokio::test]
async fn refused_emits_are_not_charged() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    tenant.post(EMIT, json!({ "name": "platformxe.generic", "payload": {} })).await.refused(400, "payload_invalid");
    tenant.post(EMIT, json!({ "name": "no.such-event", "payload": {} })).await.refused(404, "event_not_registered");
    assert_eq!(this_month(&tenant).await, 0);
    app.stop().await;
}

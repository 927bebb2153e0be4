//! The quotas of the plans (contract 6.7): no number of clients and hosts exceeds them, not even by one.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use weir::domain::{plan::Plan, schema_caps::ByPlan};

use crate::support::{Answer, Client, Receiver, TestApp, client::text, database::number};

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

/// How many requests are under way at once.
const CLIENTS: usize = 64;

/// Emits so many times, [`CLIENTS`] at once, and counts the accepted emits.
async fn emit_many(tenants: &[&Client], count: usize) -> usize {
    let emits = stream::iter(0..count).map(|n| emit(tenants[n % tenants.len()], Some(n)));
    let answers: Vec<Answer> = emits.buffer_unordered(CLIENTS).collect().await;
    let (accepted, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 202);
    for answer in refused {
        answer.refused(402, "monthly_emit_quota_exceeded");
    }
    accepted.len()
}

/// A second host where the database takes several, and the tenant as its client; else the tenant as it is.
pub(super) async fn beside(app: &TestApp, tenant: &Client) -> (Option<TestApp>, Client) {
    let beside = app.beside_on_postgres().await;
    let there = beside.as_ref().unwrap_or(app).client_of(tenant);
    (beside, there)
}

fn version(tenant: &Client, name: &str, version: &str) -> Value {
    json!({
        "namespace": tenant.namespace, "name": name, "version": version, "payloadSchema": { "type": "object" },
        "status": "published",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_never_exceed_the_plan_by_one_with_64_clients_on_two_hosts() {
    let app = TestApp::start().await;
    for (plan, limit) in [("FREE", 0), ("BASIC", 5), ("PRO", 25)] {
        let tenant = app.organization(plan).await;
        let (second, there) = beside(&app, &tenant).await;
        let register = |n: usize| {
            let client = [&tenant, &there][n % 2];
            client.post("/api/v1/events/custom", version(client, &format!("event-{n}"), "1.0.0"))
        };
        let answers: Vec<Answer> = futures_util::future::join_all((0..CLIENTS).map(register)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), limit, "{plan}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(402, "registration_quota_exceeded");
        }
        let health = tenant.get("/api/v1/events/custom/health").await.ok();
        assert_eq!(health["registrations"], json!({ "used": limit, "limit": limit }));
        let sql = format!("select count(*) from registration where organization_id = '{}'", tenant.id);
        assert_eq!(number(&app.database.location, &sql).await, i64::try_from(limit).expect("small") + 1);
        if let Some(second) = second {
            second.stop().await;
        }
    }
    app.stop().await;
}

/// A place of the quota that becomes free is taken once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_becomes_free_is_taken_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("BASIC").await;
    let (second, there) = beside(&app, &tenant).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(tenant.register(&format!("event-{n}"), "1.0.0").await);
    }
    let register = |n: usize| {
        let client = [&tenant, &there][n % 2];
        client.post("/api/v1/events/custom", version(client, &format!("more-{n}"), "1.0.0"))
    };
    let archive = tenant.delete(&format!("/api/v1/events/custom/{}", ids[0])).await;
    archive.ok();
    let answers: Vec<Answer> = futures_util::future::join_all((0..CLIENTS).map(register)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    app.stop_with(second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emits_never_exceed_the_plan_by_one_with_64_clients_on_two_hosts() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let (second, there) = beside(&app, &tenant).await;
    assert_eq!(emit_many(&[&tenant, &there], LIMIT + 2 * CLIENTS).await, LIMIT);
    assert_eq!(this_month(&there).await, 1_000);
    assert_eq!(number(&app.database.location, "select count(*) from emit where kind = 'custom'").await, 1_000);
    app.stop_with(second).await;
}

/// Each emit is sent four times, over both hosts, and counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emits_that_are_repeated_at_once_count_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let (second, there) = beside(&app, &tenant).await;
    let emits = stream::iter(0..4 * CLIENTS).map(|n| emit([&tenant, &there][n % 2], Some(n / 4)));
    let answers: Vec<Answer> = emits.buffer_unordered(CLIENTS).collect().await;
    for answer in &answers {
        answer.accepted();
    }
    assert_eq!(this_month(&tenant).await, 64);
    assert_eq!(tenant.get("/api/v1/emits").await.ok()["total"], CLIENTS);
    app.stop_with(second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_roll_over_in_utc() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    assert_eq!(emit_many(&[&tenant], LIMIT + 50).await, LIMIT);
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
    assert_eq!(emit_many(&[&tenant], LIMIT).await, LIMIT);
    emit(&tenant, Some(0)).await.accepted();
    emit(&tenant, Some(LIMIT)).await.refused(402, "monthly_emit_quota_exceeded");
    // The refused emit did not use up its key.
    app.set_plan(&tenant, "BASIC").await;
    emit(&tenant, Some(LIMIT)).await.accepted();
    assert_eq!(this_month(&tenant).await, 1_001);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_month_is_used_up_nothing_is_made_of_a_payload() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    assert_eq!(emit_many(&[&tenant], LIMIT).await, LIMIT);
    let empty = async || tenant.post(EMIT, json!({ "name": "platformxe.generic", "payload": {} })).await;
    empty().await.refused(400, "payload_invalid");
    let refused = emit(&tenant, None).await;
    refused.refused(402, "monthly_emit_quota_exceeded");
    // From noon of May 6 to June.
    assert_eq!(refused.header("retry-after"), Some("2203200"));
    // From here on the host knows.
    empty().await.refused(402, "monthly_emit_quota_exceeded");
    emit(&tenant, Some(LIMIT)).await.refused(402, "monthly_emit_quota_exceeded");
    emit(&tenant, Some(7)).await.accepted();
    app.clock.advance(Duration::from_secs(59));
    empty().await.refused(402, "monthly_emit_quota_exceeded");
    // What is known is asked for again after a while, and another plan is another count.
    app.clock.advance(Duration::from_secs(1));
    empty().await.refused(400, "payload_invalid");
    emit(&tenant, None).await.refused(402, "monthly_emit_quota_exceeded");
    app.set_plan(&tenant, "BASIC").await;
    empty().await.refused(400, "payload_invalid");
    emit(&tenant, None).await.accepted();
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

#[tokio::test]
async fn subscriptions_never_exceed_the_plan() {
    let app = TestApp::start().await;
    let acme = app.organization("FREE").await;
    let limit = ByPlan::subscriptions().of(Plan::Free);
    let url = "https://receiver.example/hook";
    let create = async |number: usize| {
        if number.is_multiple_of(2) {
            acme.post("/api/v1/webhooks", json!({ "url": url, "events": ["a.b"] })).await
        } else {
            let body = json!({ "eventTypes": ["a.b"], "webhookUrl": url });
            acme.post("/api/v1/event-subscriptions", body).await
        }
    };
    for number in 0..limit - 1 {
        assert_eq!(create(number).await.status, 201);
    }
    let last = create(1).await.created();
    for number in 0..2 {
        create(number).await.refused(402, "subscription_quota_exceeded");
    }
    acme.delete(&format!("/api/v1/event-subscriptions/{}", text(&last["id"]))).await;
    assert_eq!(create(1).await.status, 201, "and one more when one is removed");
    app.stop().await;
}

/// A plan that was lowered leaves more subscriptions than it allows. Nothing is accepted then that would not be
/// delivered to all of them.
#[tokio::test]
async fn an_event_has_no_more_deliveries_than_the_plan_allows() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    let limit = ByPlan::subscriptions().of(Plan::Free);
    let mut ids = Vec::new();
    for _ in 0..=limit {
        ids.push(acme.subscribe("platformxe.generic", &receiver.url("/")).await.0);
    }
    emit(&acme, None).await.accepted();
    app.admin().patch(&format!("/api/admin/v1/organizations/{}", acme.id), json!({ "plan": "FREE" })).await.ok();
    emit(&acme, None).await.refused(402, "subscription_quota_exceeded");
    acme.post("/api/v1/events", json!({ "eventType": "other", "payload": {} })).await.accepted();
    acme.delete(&format!("/api/v1/event-subscriptions/{}", ids[0])).await;
    emit(&acme, None).await.accepted();
    app.settle().await;
    assert_eq!(receiver.requests().len(), limit + 1 + limit);
    app.stop().await;
}

#[tokio::test]
async fn the_operator_sets_how_many_subscriptions_a_plan_has() {
    let set = |settings: &mut weir::app::Settings| {
        settings.subscriptions_max = ByPlan::parse_subscriptions("FREE=1,PRO=none").expect("numbers of plans");
    };
    let (app, receiver) = (TestApp::with(set).await, Receiver::start().await);
    let (free, pro) = (app.organization("FREE").await, app.organization("PRO").await);
    free.subscribe("platformxe.generic", &receiver.url("/")).await;
    let body = json!({ "name": "platformxe.generic", "webhookUrl": receiver.url("/") });
    free.post("/api/v1/events/custom/subscribe", body).await.refused(402, "subscription_quota_exceeded");
    for _ in 0..3 {
        pro.subscribe("platformxe.generic", &receiver.url("/")).await;
    }
    app.stop().await;
}

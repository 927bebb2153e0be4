//! Versions and the plans that bound them (contract 6.2, 6.7).

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp, client::text};

const EVENTS: &str = "/api/v1/events/custom";

async fn register(tenant: &Client, name: &str, version: &str) -> Answer {
    let body = json!({
        "namespace": tenant.namespace, "name": name, "version": version, "payloadSchema": { "type": "object" },
        "status": "published",
    });
    tenant.post(EVENTS, body).await
}

async fn used(tenant: &Client) -> Value {
    tenant.get("/api/v1/events/custom/health").await.ok()["registrations"].clone()
}

#[tokio::test]
async fn a_version_is_one_step_from_the_highest() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for (version, expected) in [
        ("2.3.4", Ok("initial")),
        ("2.3.4", Err("version_already_exists")),
        ("2.3.3", Err("version_downgrade")),
        ("2.3.6", Err("version_invalid_jump")),
        ("2.4.1", Err("version_invalid_jump")),
        ("4.0.0", Err("version_invalid_jump")),
        ("2.3.5", Ok("patch")),
        ("2.4.0", Ok("minor")),
        ("3.0.0", Ok("major")),
        ("2.3.4", Err("version_already_exists")),
    ] {
        let answer = register(&tenant, "order", version).await;
        match expected {
            Ok(bump) => assert_eq!(answer.created()["semverBump"], bump, "{version}"),
            Err(code) => assert_eq!(answer.refusal(), (400, code.to_owned()), "{version}"),
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn an_archived_version_blocks_its_number() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = tenant.register("order", "1.0.0").await;
    tenant.delete(&format!("{EVENTS}/{id}")).await.ok();
    register(&tenant, "order", "1.0.0").await.refused(400, "version_already_exists");
    register(&tenant, "order", "1.0.1").await.created();
    app.stop().await;
}

#[tokio::test]
async fn a_version_is_registered_once_however_many_try_at_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let tries = (0..16).map(|_| register(&tenant, "order", "1.0.0"));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    answers.iter().filter(|answer| answer.status != 201).for_each(|a| a.refused(400, "version_already_exists"));
    app.stop().await;
}

#[tokio::test]
async fn basic_has_the_latest_version_only() {
    let app = TestApp::start().await;
    let tenant = app.organization("BASIC").await;
    let first = tenant.register("order", "1.0.0").await;
    tenant.register("order", "1.1.0").await;
    let detail = tenant.get(&format!("{EVENTS}/{first}")).await.ok();
    assert_eq!(detail["status"], "archived");
    assert_eq!(detail["archivedAt"], "2026-05-06T12:00:00.000Z");
    let name = format!("{}.order", tenant.namespace);
    let emit = |version: Option<&str>| {
        let mut body = json!({ "name": name, "payload": {} });
        if let Some(version) = version {
            body["version"] = version.into();
        }
        tenant.post("/api/v1/events/custom/emit", body)
    };
    assert!(text(&emit(None).await.accepted()["canonicalName"]).ends_with("@1.1.0"));
    emit(Some("1.0.0")).await.refused(409, "event_not_published");
    assert_eq!(used(&tenant).await["used"], 1);
    app.stop().await;
}

#[tokio::test]
async fn pro_keeps_earlier_versions_alive() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let first = tenant.register("order", "1.0.0").await;
    tenant.register("order", "1.1.0").await;
    assert_eq!(tenant.get(&format!("{EVENTS}/{first}")).await.ok()["status"], "published");
    app.stop().await;
}

#[tokio::test]
async fn plans_bound_how_many_events_are_registered() {
    let app = TestApp::start().await;
    for (plan, limit) in [("FREE", 0), ("BASIC", 5), ("PRO", 25)] {
        let tenant = app.organization(plan).await;
        for number in 0..limit {
            register(&tenant, &format!("event-{number}"), "1.0.0").await.created();
        }
        assert_eq!(used(&tenant).await, json!({ "used": limit, "limit": limit }));
        register(&tenant, "one-more", "1.0.0").await.refused(402, "registration_quota_exceeded");
    }
    let tenant = app.organization("ENTERPRISE").await;
    for number in 0..26 {
        register(&tenant, &format!("event-{number}"), "1.0.0").await.created();
    }
    assert_eq!(used(&tenant).await, json!({ "used": 26, "limit": null }));
    app.stop().await;
}

#[tokio::test]
async fn the_quota_counts_live_events_and_not_versions() {
    let app = TestApp::start().await;
    let tenant = app.organization("BASIC").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(tenant.register(&format!("event-{number}"), "1.0.0").await);
    }
    register(&tenant, "event-0", "1.0.1").await.created();
    register(&tenant, "one-more", "1.0.0").await.refused(402, "registration_quota_exceeded");
    tenant.delete(&format!("{EVENTS}/{}", ids[1])).await.ok();
    assert_eq!(used(&tenant).await["used"], 4);
    register(&tenant, "one-more", "1.0.0").await.created();
    // A version of an archived event takes a place of the quota again.
    register(&tenant, "event-1", "1.0.1").await.refused(402, "registration_quota_exceeded");
    app.stop().await;
}

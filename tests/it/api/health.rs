//! Health of the host and of an organization (contract 2.7, 5.11).

use std::time::Duration;

use serde_json::json;

use crate::support::{Receiver, Reply, TestApp};

const HEALTH: &str = "/api/v1/events/custom/health";

#[tokio::test]
async fn the_health_of_the_host_needs_no_key() {
    let app = TestApp::start().await;
    let data = app.anonymous().get("/api/health").await.ok();
    assert_eq!(data, json!({ "status": "ok", "timestamp": "2026-05-06T12:00:00.000Z" }));
    app.stop().await;
}

#[tokio::test]
async fn health_shows_what_a_plan_allows() {
    let app = TestApp::start().await;
    for (plan, registrations, emits, can_register, versions, federation) in [
        ("FREE", json!(0), json!(1_000), false, false, false),
        ("BASIC", json!(5), json!(10_000), true, false, false),
        ("PRO", json!(25), json!(100_000), true, true, false),
        ("ENTERPRISE", json!(null), json!(null), true, true, true),
    ] {
        let tenant = app.organization(plan).await;
        assert_eq!(
            tenant.get(HEALTH).await.ok(),
            json!({
                "plan": plan,
                "registrations": { "used": 0, "limit": registrations },
                "emits": { "thisMonth": 0, "monthlyLimit": emits },
                "capabilities": {
                    "canRegister": can_register, "schemaVersioning": versions, "marketplacePublish": versions,
                    "marketplaceFork": versions, "federationPush": federation,
                },
                "recentFailures": [],
            })
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn a_new_plan_holds_at_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let emit = || tenant.post("/api/v1/events/custom/emit", json!({ "name": "tenant-1.order", "payload": {} }));
    emit().await.refused(404, "event_not_registered");
    app.set_plan(&tenant, "PRO").await;
    tenant.register("order", "1.0.0").await;
    emit().await.accepted();
    app.set_plan(&tenant, "FREE").await;
    emit().await.refused(404, "event_not_registered");
    assert_eq!(tenant.get(HEALTH).await.ok()["emits"]["thisMonth"], 1);
    app.stop().await;
}

#[tokio::test]
async fn the_ten_newest_failed_emits_are_shown() {
    let app = TestApp::with_retries("").await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500));
    tenant.subscribe_all(&receiver.url("/")).await;
    let mut emits = Vec::new();
    for number in 0..12 {
        app.clock.advance(Duration::from_secs(1));
        emits.push(tenant.emit_generic(json!({ "kind": format!("k{number}") })).await);
        app.settle().await;
    }
    let failures = tenant.get(HEALTH).await.ok()["recentFailures"].clone();
    let shown: Vec<&str> =
        failures.as_array().expect("a list").iter().map(|failure| failure["id"].as_str().expect("an id")).collect();
    let newest: Vec<&str> = emits.iter().rev().take(10).map(String::as_str).collect();
    assert_eq!(shown, newest);
    let canonical = format!("TENANT_CUSTOM:{}:platformxe.generic@1.0.0", tenant.id);
    assert_eq!(failures[0]["canonicalName"], json!(canonical));
    assert_eq!(failures[0]["errorMessage"], "the endpoint answered 500");
    assert_eq!(failures[0]["createdAt"], "2026-05-06T12:00:12.000Z");
    app.stop().await;
}

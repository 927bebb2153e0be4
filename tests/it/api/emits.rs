//! Looking at emits (contract 14.2).

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use crate::support::{Client, Receiver, Reply, TestApp, client::text};

const EMITS: &str = "/api/v1/emits";

/// The ids of the emits on a page of the list.
async fn ids(tenant: &Client, path: &str) -> (Vec<String>, Value) {
    let data = tenant.get(path).await.ok();
    (
        data["items"].as_array().expect("a list").iter().map(|emit| text(&emit["emitId"])).collect(),
        data["total"].clone(),
    )
}

#[tokio::test]
async fn an_emit_answers_all_members() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    tenant.subscribe_all(&receiver.url("/")).await;
    let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" }, "idempotencyKey": "key" });
    let id = text(&tenant.post("/api/v1/events/custom/emit", body).await.accepted()["emitId"]);
    app.settle().await;
    assert_eq!(
        tenant.get(&format!("{EMITS}/{id}")).await.ok(),
        json!({
            "emitId": id, "canonicalName": format!("TENANT_CUSTOM:{}:platformxe.generic@1.0.0", tenant.id),
            "namespace": "platformxe", "name": "generic", "version": "1.0.0", "status": "routed",
            "deliveryStatus": "DELIVERED", "idempotencyKey": "key", "chainDepth": 0, "isFederationRelay": false,
            "sourceOrganizationId": null, "acceptedAt": "2026-05-06T12:00:00.000Z",
            "routedAt": "2026-05-06T12:00:00.000Z", "errorMessage": null, "payload": { "kind": "k" },
            "deliveries": { "pending": 0, "retrying": 0, "success": 1, "failed": 0, "skipped": 0 },
        })
    );
    app.stop().await;
}

#[tokio::test]
async fn the_delivery_status_follows_the_deliveries() {
    let app = TestApp::with_retries("30").await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.then(Reply::status(500)).then(Reply::status(500));
    tenant.subscribe_all(&receiver.url("/")).await;
    let path = format!("{EMITS}/{}", tenant.emit_generic(json!({ "kind": "k" })).await);
    app.settle().await;
    let emit = tenant.get(&path).await.ok();
    assert_eq!((&emit["deliveryStatus"], &emit["deliveries"]["retrying"]), (&json!("PENDING"), &json!(1)));
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    let emit = tenant.get(&path).await.ok();
    assert_eq!((&emit["deliveryStatus"], &emit["deliveries"]["failed"]), (&json!("FAILED"), &json!(1)));
    tenant.post("/api/v1/dead-letters/replay", json!({})).await.ok();
    app.settle().await;
    assert_eq!(tenant.get(&path).await.ok()["deliveryStatus"], "DELIVERED");
    app.stop().await;
}

#[tokio::test]
async fn emits_are_narrowed_by_their_filters() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    tenant.register("order", "1.0.0").await;
    tenant.register("order", "1.1.0").await;
    let name = format!("{}.order", tenant.namespace);
    let mut all = Vec::new();
    for version in ["1.0.0", "1.1.0"] {
        app.clock.advance(Duration::from_secs(1));
        let body = json!({ "name": name, "version": version, "payload": {} });
        all.push(text(&tenant.post("/api/v1/events/custom/emit", body).await.accepted()["emitId"]));
    }
    app.clock.advance(Duration::from_secs(1));
    all.push(tenant.emit_generic(json!({ "kind": "k" })).await);
    app.settle().await;
    let [first, second, third] = [&all[0], &all[1], &all[2]];
    for (query, expected) in [
        (String::new(), vec![third, second, first]),
        (format!("?name={name}"), vec![second, first]),
        (format!("?name={name}&version=1.1.0"), vec![second]),
        ("?version=1.0.0".to_owned(), vec![third, first]),
        ("?status=routed".to_owned(), vec![third, second, first]),
        ("?status=queued".to_owned(), vec![]),
        ("?from=2026-05-06T12:00:02Z".to_owned(), vec![third, second]),
        ("?to=2026-05-06T12:00:01Z".to_owned(), vec![first]),
        ("?from=2026-05-06T14:00:02%2B02:00&to=2026-05-06T12:00:02.000Z".to_owned(), vec![second]),
        ("?name=no.such-event".to_owned(), vec![]),
    ] {
        let (found, total) = ids(&tenant, &format!("{EMITS}{query}")).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
        assert_eq!(total, expected.len(), "{query}");
    }
    for (query, code) in [
        ("?name=nodot", "invalid_name"),
        ("?version=one", "invalid_version_format"),
        ("?status=DONE", "BAD_REQUEST"),
        ("?from=yesterday", "BAD_REQUEST"),
        ("?to=1", "BAD_REQUEST"),
    ] {
        tenant.get(&format!("{EMITS}{query}")).await.refused(400, code);
    }
    app.stop().await;
}

#[tokio::test]
async fn page_rows_max() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let mut all = Vec::new();
    for _ in 0..103 {
        app.clock.advance(Duration::from_millis(1));
        all.push(tenant.emit_generic(json!({ "kind": "k" })).await);
    }
    all.reverse();
    for (query, range, page, limit) in [
        ("", 0..20, 1_u64, 20),
        ("?page=2", 20..40, 2, 20),
        ("?page=6", 100..103, 6, 20),
        ("?page=7", 103..103, 7, 20),
        ("?limit=5&page=3", 10..15, 3, 5),
        ("?limit=100", 0..100, 1, 100),
        ("?limit=101", 0..100, 1, 100),
        ("?limit=0", 0..1, 1, 1),
        ("?limit=-5&page=-1", 0..1, 1, 1),
        ("?page=0", 0..20, 1, 20),
        ("?page=4294967295&limit=100", 103..103, 4_294_967_295, 100),
        ("?limit=99999999999999999999999", 0..100, 1, 100),
        ("?limit=-99999999999999999999999", 0..1, 1, 1),
        ("?page=99999999999999999999999", 103..103, 4_294_967_295, 20),
        ("?page=x&limit=", 0..20, 1, 20),
    ] {
        let data = tenant.get(&format!("{EMITS}{query}")).await.ok();
        assert_eq!(
            (&data["page"], &data["limit"], &data["total"]),
            (&json!(page), &json!(limit), &json!(103)),
            "{query}"
        );
        let found: Vec<String> =
            data["items"].as_array().expect("a list").iter().map(|emit| text(&emit["emitId"])).collect();
        assert_eq!(found, all[range], "{query}");
    }
    app.stop().await;
}

#[tokio::test]
async fn unknown_emits_are_not_found() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for id in ["evt_01jd0000000000000000000000", "cee_1", "x"] {
        tenant.get(&format!("{EMITS}/{id}")).await.refused(404, "NOT_FOUND");
    }
    app.stop().await;
}

#[tokio::test]
async fn times_reach_to_the_end_of_the_year_9999_and_a_plus_is_hinted_at() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    for (query, total) in [
        ("?to=9999-12-31T23:59:59Z", 1),
        ("?to=9999-12-31T23:59:59.999Z", 1),
        ("?from=9999-12-31T23:59:59Z", 0),
        ("?from=2026-05-06T00:00:00%2B02:00", 1),
    ] {
        assert_eq!(tenant.get(&format!("{EMITS}{query}")).await.ok()["total"], total, "{query}");
    }
    let refused = tenant.get(&format!("{EMITS}?from=2026-05-06T00:00:00+02:00")).await;
    refused.refused(400, "BAD_REQUEST");
    assert!(refused.text.contains("%2B"), "{refused}");
    app.stop().await;
}

/// Rows that are added meanwhile shift the numbers of pages, and not a cursor.
#[tokio::test]
async fn a_cursor_shows_each_item_once_while_others_are_added() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let receiver = Receiver::start().await;
    tenant.subscribe_all(&receiver.url("/")).await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        app.clock.advance(Duration::from_millis(1));
        expected.push(tenant.emit_generic(json!({ "kind": "k" })).await);
    }
    app.settle().await;
    for (list, id) in [
        (EMITS, "emitId"),
        ("/api/v1/deliveries", "emitId"),
        ("/api/v1/event-log?eventType=CUSTOM_EVENT_EMIT_REQUESTED", "id"),
        ("/api/v1/event-log?eventType=CUSTOM_EVENT_EMIT_DELIVERED", "entityId"),
        ("/api/v1/event-log?sourceApp=default", "id"),
    ] {
        let before = tenant.get(list).await.ok()["total"].as_u64().expect("a number");
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let query = if list.contains('?') { "&" } else { "?" };
            let page = tenant.get(&format!("{list}{query}limit=3{cursor}")).await.ok();
            seen.extend(page["items"].as_array().expect("a list").iter().map(|item| text(&item[id])));
            app.clock.advance(Duration::from_millis(1));
            tenant.emit_generic(json!({ "kind": "k" })).await;
            app.settle().await;
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let unique: HashSet<&String> = seen.iter().collect();
        assert_eq!(unique.len(), seen.len(), "{list} shows an item twice");
        assert_eq!(seen.len() as u64, before, "{list}: {seen:?}");
        assert!(expected.iter().all(|emit| seen.contains(emit)), "{list}: {seen:?}");
    }
    let page = app.admin().get("/api/admin/v1/organizations?limit=1").await.ok();
    assert_eq!(page["nextCursor"], tenant.id);
    app.stop().await;
}

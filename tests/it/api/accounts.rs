//! The operator's API (contract 14.6).

use std::time::Duration;

use serde_json::{Value, json};
use weir::{
    app::{App, Settings},
    domain::vault::RootKey,
    error::Code,
};

use crate::support::{Answer, Client, Receiver, Reply, TestApp, client::text, database::is_postgres};

const ORGANIZATIONS: &str = "/api/admin/v1/organizations";
const EVENTS: &str = "/api/v1/events/custom";

async fn emit(client: &Client) -> Answer {
    let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
    client.post("/api/v1/events/custom/emit", body).await
}

/// Checks that a key works, or is refused like this, on a route that reads it from the table and on the
/// one that caches organizations.
async fn works(client: &Client, expected: Result<(), (u16, &str)>) {
    for answer in [client.get(EVENTS).await, emit(client).await] {
        match expected {
            Ok(()) => assert!(answer.status < 300, "{answer}"),
            Err((status, code)) => answer.refused(status, code),
        }
    }
}

const UNAUTHORIZED: Result<(), (u16, &str)> = Err((401, "UNAUTHORIZED"));

async fn new_key(app: &TestApp, tenant: &Client, body: Value) -> (String, Client) {
    let data = app.admin().post(&format!("{ORGANIZATIONS}/{}/keys", tenant.id), body).await.created();
    (text(&data["id"]), tenant.with_key(&text(&data["apiKey"])))
}

#[tokio::test]
async fn an_organization_answers_all_members_and_its_first_key() {
    let app = TestApp::start().await;
    let body = json!({
        "name": "Acme Ltd.", "slug": "acme", "plan": "BASIC", "region": "DE", "billingEmail": "money@acme.example",
    });
    let data = app.admin().post(ORGANIZATIONS, body).await.created();
    let organization = &data["organization"];
    let id = text(&organization["id"]);
    let at = "2026-05-06T12:00:00.000Z";
    assert_eq!(
        organization,
        &json!({
            "id": id, "name": "Acme Ltd.", "slug": "acme", "plan": "BASIC", "billingEmail": "money@acme.example",
            "region": "DE", "isActive": true, "createdAt": at, "updatedAt": at,
        })
    );
    assert_eq!(&app.admin().get(&format!("{ORGANIZATIONS}/{id}")).await.ok(), organization);
    works(&app.client(&id, "acme", &text(&data["apiKey"])), Ok(())).await;
    app.stop().await;
}

#[tokio::test]
async fn a_name_is_enough_for_an_organization() {
    let app = TestApp::start().await;
    let mut slugs = Vec::new();
    for _ in 0..2 {
        let data = app.admin().post(ORGANIZATIONS, json!({ "name": "Acme Ltd." })).await.created();
        let organization = &data["organization"];
        assert_eq!((&organization["plan"], &organization["billingEmail"]), (&json!("FREE"), &Value::Null));
        slugs.push(text(&organization["slug"]));
    }
    assert_eq!(slugs, ["acme-ltd", "acme-ltd-2"]);
    app.stop().await;
}

#[tokio::test]
async fn a_slug_belongs_to_one_organization() {
    let app = TestApp::start().await;
    let body = json!({ "name": "Acme", "slug": "acme" });
    app.admin().post(ORGANIZATIONS, body.clone()).await.created();
    app.admin().post(ORGANIZATIONS, body).await.refused(409, "duplicate");
    let admin = app.admin();
    let tries = (0..8).map(|_| admin.post(ORGANIZATIONS, json!({ "name": "Other", "slug": "other" })));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| answer.refused(409, "duplicate"));
    assert_eq!(app.admin().get(ORGANIZATIONS).await.ok()["total"], 2);
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_organization_is_refused() {
    let app = TestApp::start().await;
    for (member, value) in [
        ("name", json!(null)),
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!(1)),
        ("name", json!("a\u{0}b")),
        ("name", json!("x".repeat(4_097))),
        ("slug", json!("")),
        ("slug", json!("Upper")),
        ("slug", json!("a--b")),
        ("slug", json!("-a")),
        ("slug", json!("a".repeat(64))),
        ("slug", json!("a\u{0}")),
        ("plan", json!("free")),
        ("plan", json!("GOLD")),
        ("region", json!("")),
        ("billingEmail", json!("a\nb")),
    ] {
        let mut body = json!({ "name": "Acme" });
        body[member] = value.clone();
        let answer = app.admin().post(ORGANIZATIONS, body).await;
        assert_eq!(answer.refusal(), (400, "BAD_REQUEST".to_owned()), "{member} {value}: {answer}");
    }
    assert_eq!(app.admin().get(ORGANIZATIONS).await.ok()["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn organizations_are_listed_in_pages_the_newest_first() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        app.clock.advance(Duration::from_secs(1));
        app.organization("FREE").await;
    }
    for (query, expected) in [
        ("", vec!["tenant-5", "tenant-4", "tenant-3", "tenant-2", "tenant-1"]),
        ("?limit=2", vec!["tenant-5", "tenant-4"]),
        ("?limit=2&page=3", vec!["tenant-1"]),
        ("?limit=2&page=4", vec![]),
    ] {
        let data = app.admin().get(&format!("{ORGANIZATIONS}{query}")).await.ok();
        let slugs: Vec<&Value> = data["items"].as_array().expect("a list").iter().map(|one| &one["slug"]).collect();
        assert_eq!(slugs, expected, "{query}");
        assert_eq!(data["total"], 5);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let path = format!("{ORGANIZATIONS}/{}", tenant.id);
    app.clock.advance(Duration::from_secs(1));
    let patched = app.admin().patch(&path, json!({ "name": "New name" })).await.ok();
    assert_eq!(
        (&patched["name"], &patched["plan"], &patched["isActive"]),
        (&json!("New name"), &json!("FREE"), &json!(true))
    );
    assert_eq!(patched["updatedAt"], "2026-05-06T12:00:01.000Z");
    let patched = app.admin().patch(&path, json!({ "plan": "ENTERPRISE" })).await.ok();
    assert_eq!((&patched["name"], &patched["plan"]), (&json!("New name"), &json!("ENTERPRISE")));
    assert_eq!(app.admin().get(&path).await.ok(), patched);
    for body in [json!({ "plan": "X" }), json!({ "name": "" }), json!({ "isActive": "no" })] {
        app.admin().patch(&path, body).await.refused(400, "BAD_REQUEST");
    }
    app.stop().await;
}

#[tokio::test]
async fn keys_of_an_inactive_organization_do_not_work() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let other = app.organization("FREE").await;
    works(&tenant, Ok(())).await;
    let path = format!("{ORGANIZATIONS}/{}", tenant.id);
    app.admin().patch(&path, json!({ "isActive": false })).await.ok();
    works(&tenant, Err((403, "organization_inactive"))).await;
    works(&other, Ok(())).await;
    app.admin().patch(&path, json!({ "isActive": true })).await.ok();
    works(&tenant, Ok(())).await;
    app.stop().await;
}

#[tokio::test]
async fn unknown_organizations_are_not_found() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for id in ["org_01jd0000000000000000000000", "acme", "%20"] {
        let path = format!("{ORGANIZATIONS}/{id}");
        admin.get(&path).await.refused(404, "NOT_FOUND");
        admin.patch(&path, json!({})).await.refused(404, "NOT_FOUND");
        admin.get(&format!("{path}/namespaces")).await.refused(404, "NOT_FOUND");
        admin.post(&format!("{path}/namespaces"), json!({ "namespace": "some" })).await.refused(404, "NOT_FOUND");
        admin.delete(&format!("{path}/namespaces/some")).await.refused(404, "NOT_FOUND");
        admin.get(&format!("{path}/keys")).await.refused(404, "NOT_FOUND");
        admin.post(&format!("{path}/keys"), json!({ "callerService": "some" })).await.refused(404, "NOT_FOUND");
        let key = format!("{path}/keys/key_01jd0000000000000000000000");
        admin.delete(&key).await.refused(404, "NOT_FOUND");
        admin.post(&format!("{key}/rotate"), json!({})).await.refused(404, "NOT_FOUND");
    }
    app.stop().await;
}

#[tokio::test]
async fn namespaces_are_granted_and_taken_away() {
    let app = TestApp::start().await;
    let (admin, tenant) = (app.admin(), app.organization("PRO").await);
    let path = format!("{ORGANIZATIONS}/{}/namespaces", tenant.id);
    let body = |name: &str| json!({ "namespace": "lettings", "name": name, "version": "1.0.0", "payloadSchema": {}, "status": "published" });
    tenant.post(EVENTS, body("order")).await.refused(400, "namespace_not_allowed");
    for _ in 0..2 {
        let granted = admin.post(&path, json!({ "namespace": "lettings" })).await.created();
        assert_eq!(granted, json!({ "namespace": "lettings" }));
    }
    let listed = admin.get(&path).await.ok()["namespaces"].clone();
    let names: Vec<&Value> = listed.as_array().expect("a list").iter().map(|one| &one["namespace"]).collect();
    assert_eq!(names, ["lettings", "tenant-1"]);
    tenant.post(EVENTS, body("order")).await.created();
    assert_eq!(admin.delete(&format!("{path}/lettings")).await.ok(), json!({ "deleted": true }));
    admin.delete(&format!("{path}/lettings")).await.refused(404, "NOT_FOUND");
    tenant.post(EVENTS, body("other")).await.refused(400, "namespace_not_allowed");
    // The registrations stay.
    tenant.emit("lettings.order", json!({})).await;
    for (body, code) in [
        (json!({}), "BAD_REQUEST"),
        (json!({ "namespace": 1 }), "BAD_REQUEST"),
        (json!({ "namespace": "UPPER" }), "invalid_namespace"),
        (json!({ "namespace": "a\u{0}" }), "invalid_namespace"),
        (json!({ "namespace": "platformxe" }), "reserved_namespace"),
    ] {
        admin.post(&path, body).await.refused(400, code);
    }
    app.stop().await;
}

#[tokio::test]
async fn an_organization_may_register_under_its_slug() {
    let app = TestApp::start().await;
    for (slug, namespace) in [("acme", "acme"), ("platform", "x-platform"), ("1984", "x-")] {
        let data = app.admin().post(ORGANIZATIONS, json!({ "name": "A", "slug": slug })).await.created();
        let path = format!("{ORGANIZATIONS}/{}/namespaces", text(&data["organization"]["id"]));
        let namespaces = app.admin().get(&path).await.ok();
        assert_eq!(namespaces["namespaces"][0]["namespace"], namespace);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let path = format!("{ORGANIZATIONS}/{}/keys", tenant.id);
    app.clock.advance(Duration::from_secs(1));
    let body = json!({
        "callerService": "billing", "label": "nightly", "scopes": ["events:read"], "environment": "test",
        "expiresAt": "2026-05-07T00:00:00+02:00",
    });
    let mut data = app.admin().post(&path, body).await.created();
    let key = text(&data["apiKey"]);
    assert!(key.starts_with("pxk_test_") && key.len() == "pxk_test_".len() + 32, "{key}");
    data.as_object_mut().expect("an object").remove("apiKey");
    let id = text(&data["id"]);
    assert_eq!(
        data,
        json!({
            "id": id, "callerService": "billing", "label": "nightly", "scopes": ["events:read"],
            "environment": "test", "createdAt": "2026-05-06T12:00:01.000Z",
            "expiresAt": "2026-05-06T22:00:00.000Z", "revokedAt": null,
        })
    );
    let listed = app.admin().get(&path).await;
    assert!(!listed.text.contains(&key), "{listed}");
    assert_eq!(listed.ok()["keys"][0], data);
    assert_eq!(listed.ok()["keys"].as_array().map(Vec::len), Some(2));
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_refused() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    for (member, value) in [
        ("callerService", json!(null)),
        ("callerService", json!("")),
        ("callerService", json!("a\u{0}")),
        ("label", json!("a\u{0}")),
        ("scopes", json!(["everything"])),
        ("scopes", json!("events:read")),
        ("environment", json!("prod")),
        ("expiresAt", json!("tomorrow")),
        ("expiresAt", json!(1)),
    ] {
        let mut body = json!({ "callerService": "service" });
        body[member] = value;
        let answer = app.admin().post(&format!("{ORGANIZATIONS}/{}/keys", tenant.id), body).await;
        answer.refused(400, "BAD_REQUEST");
    }
    app.stop().await;
}

#[tokio::test]
async fn the_caller_service_of_a_key_is_named_as_registrant() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let (_, client) = new_key(&app, &tenant, json!({ "callerService": "catalogue" })).await;
    let id = client.register("order", "1.0.0").await;
    assert_eq!(client.get(&format!("{EVENTS}/{id}")).await.ok()["registeredBy"], "catalogue");
    app.stop().await;
}

#[tokio::test]
async fn a_key_ends_when_it_expires() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let body = json!({ "callerService": "service", "expiresAt": "2026-05-06T13:00:00Z" });
    let (_, client) = new_key(&app, &tenant, body).await;
    works(&client, Ok(())).await;
    app.clock.advance_to("2026-05-06T12:59:59.999Z");
    works(&client, Ok(())).await;
    app.clock.advance_to("2026-05-06T13:00:00Z");
    works(&client, UNAUTHORIZED).await;
    works(&tenant, Ok(())).await;
    app.stop().await;
}

#[tokio::test]
async fn a_revoked_key_ends_at_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let (id, client) = new_key(&app, &tenant, json!({ "callerService": "service" })).await;
    works(&client, Ok(())).await;
    let path = format!("{ORGANIZATIONS}/{}/keys/{id}", tenant.id);
    for _ in 0..2 {
        assert_eq!(app.admin().delete(&path).await.ok(), json!({ "deleted": true }));
        works(&client, UNAUTHORIZED).await;
    }
    works(&tenant, Ok(())).await;
    app.admin().post(&format!("{path}/rotate"), json!({})).await.refused(409, "invalid_state");
    app.stop().await;
}

#[tokio::test]
async fn a_rotated_key_works_until_its_grace_ends() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let body =
        json!({ "callerService": "service", "label": "note", "scopes": ["events:manage"], "environment": "dev" });
    let (id, old) = new_key(&app, &tenant, body).await;
    let path = format!("{ORGANIZATIONS}/{}/keys/{id}/rotate", tenant.id);
    let data = app.admin().post(&path, json!({ "graceSeconds": 60 })).await.created();
    let facts = ["callerService", "label", "environment"].map(|member| text(&data[member]));
    assert_eq!(facts, ["service", "note", "dev"]);
    assert_eq!(data["scopes"], json!(["events:manage"]));
    let new = tenant.with_key(&text(&data["apiKey"]));
    works(&old, Ok(())).await;
    works(&new, Ok(())).await;
    app.clock.advance(Duration::from_mins(1));
    works(&old, UNAUTHORIZED).await;
    works(&new, Ok(())).await;
    app.stop().await;
}

#[tokio::test]
async fn without_grace_a_rotated_key_ends_at_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let (id, old) = new_key(&app, &tenant, json!({ "callerService": "service" })).await;
    works(&old, Ok(())).await;
    let path = format!("{ORGANIZATIONS}/{}/keys/{id}/rotate", tenant.id);
    for grace in [json!(604_801), json!(-1), json!(1.5), json!("1")] {
        app.admin().post(&path, json!({ "graceSeconds": grace })).await.refused(400, "BAD_REQUEST");
    }
    works(&old, Ok(())).await;
    let new = tenant.with_key(&text(&app.admin().post(&path, json!({})).await.created()["apiKey"]));
    works(&old, UNAUTHORIZED).await;
    works(&new, Ok(())).await;
    app.stop().await;
}

#[tokio::test]
async fn revoking_ends_the_grace_of_a_rotated_key() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let (id, old) = new_key(&app, &tenant, json!({ "callerService": "service" })).await;
    let path = format!("{ORGANIZATIONS}/{}/keys/{id}", tenant.id);
    app.admin().post(&format!("{path}/rotate"), json!({ "graceSeconds": 604_800 })).await.created();
    works(&old, Ok(())).await;
    app.admin().delete(&path).await.ok();
    works(&old, UNAUTHORIZED).await;
    app.stop().await;
}

#[tokio::test]
async fn a_key_is_found_under_its_own_organization_only() {
    let app = TestApp::start().await;
    let (owner, other) = (app.organization("FREE").await, app.organization("FREE").await);
    let (id, client) = new_key(&app, &owner, json!({ "callerService": "service" })).await;
    let path = format!("{ORGANIZATIONS}/{}/keys/{id}", other.id);
    app.admin().delete(&path).await.refused(404, "NOT_FOUND");
    app.admin().post(&format!("{path}/rotate"), json!({})).await.refused(404, "NOT_FOUND");
    works(&client, Ok(())).await;
    app.stop().await;
}

#[tokio::test]
async fn status_shows_what_waits() {
    let app = TestApp::with_retries("30").await;
    let tenant = app.organization("FREE").await;
    let receiver = Receiver::start().await;
    receiver.then(Reply::status(500));
    tenant.subscribe_all(&receiver.url("/")).await;
    let status = || async { app.admin().get("/api/admin/v1/status").await.ok() };
    app.settle().await;
    let before = status().await;
    assert_eq!(before["deliveries"], json!({ "owed": 0, "oldestAt": null }));
    assert_eq!(before["routing"], json!({ "waiting": 0, "oldestAt": null }));
    assert!(before["migrationLevel"].as_i64().is_some_and(|level| level >= 1), "{before}");
    assert_eq!(before["database"], app.app().host.db.kind());
    emit(&tenant).await.accepted();
    app.settle().await;
    let during = status().await;
    assert_eq!(during["deliveries"], json!({ "owed": 1, "oldestAt": "2026-05-06T12:00:00.000Z" }));
    assert!(during["components"]["calls"].as_u64().is_some_and(|calls| calls >= 2), "{during}");
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    assert_eq!(status().await["deliveries"]["owed"], 0);
    app.stop().await;
}

/// PostgreSQL may have several hosts, and a change that one makes holds on the other; an SQLite file has
/// one owner.
#[tokio::test]
async fn what_one_host_changes_holds_on_another() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    if !is_postgres() {
        let settings = Settings::new(app.database.location.clone(), RootKey::new([7; 32]));
        let refused = App::start(settings).await.map(|_| ()).map_err(|error| error.code());
        assert_eq!(refused, Err(Code::Unavailable));
        return app.stop().await;
    }
    let beside = app.beside().await;
    let there = beside.client_of(&tenant);
    let name = format!("{}.order", tenant.namespace);
    works(&there, Ok(())).await;
    tenant.register("order", "1.0.0").await;
    there.emit(&name, json!({})).await;
    let receiver = Receiver::start().await;
    tenant.subscribe(&name, &receiver.url("/")).await;
    there.emit(&name, json!({})).await;
    beside.settle().await;
    assert_eq!(receiver.requests().len(), 1);
    let path = format!("{ORGANIZATIONS}/{}", tenant.id);
    app.admin().patch(&path, json!({ "plan": "FREE" })).await.ok();
    there
        .post("/api/v1/events/custom/emit", json!({ "name": name, "payload": {} }))
        .await
        .refused(404, "event_not_registered");
    // A refusal that follows from the cache is checked against the table.
    app.admin().patch(&path, json!({ "plan": "PRO" })).await.ok();
    there.emit(&name, json!({})).await;
    app.admin().patch(&path, json!({ "isActive": false })).await.ok();
    works(&there, Err((403, "organization_inactive"))).await;
    beside.stop_with_work_left().await;
    app.stop().await;
}

//! Forking a listing: the fork is a registration of the forking organization.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::{EVENTS, MARKETPLACE, fork, fork_with, listed, listing, publish, unpublish};
use crate::support::{
    Answer, Client, Receiver, TestApp,
    client::{text, unknown_id},
    database::number,
};

async fn registration(tenant: &Client, id: &str) -> Answer {
    tenant.get(&format!("{EVENTS}/{id}")).await
}

/// A schema whose text no parser would write again, and an example.
const SCHEMA: &str =
    r#"{"type":"object", "required":["id"],"properties":{"id":{"type":"string"},"a":{"maximum":1.0}}}"#;
const EXAMPLE: &str = r#"{ "id":"p_1" }"#;

/// A listing with a schema that refuses something; gives its id.
async fn strict(tenant: &Client) -> String {
    let body = format!(
        r#"{{"namespace":"{}","name":"property.favorited","version":"3.1.4","status":"published",
             "payloadSchema":{SCHEMA},"payloadExample":{EXAMPLE}}}"#,
        tenant.namespace
    );
    let id = text(&tenant.send("POST", EVENTS, Some(body)).await.created()["id"]);
    let body = json!({ "registrationId": id, "title": "Favorites", "description": "In whose UI?\n" });
    text(&tenant.post(&format!("{MARKETPLACE}/publish"), body).await.created()["id"])
}

#[tokio::test]
async fn a_fork_copies_the_schema_and_says_where_it_came_from() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = strict(&publisher).await;
    let forked = fork(&tenant, &id, "favorited").await.created();
    let source = format!("TENANT_CUSTOM:{}:{}.property.favorited@3.1.4", publisher.id, publisher.namespace);
    let own = format!("TENANT_CUSTOM:{}:{}.favorited@1.0.0", tenant.id, tenant.namespace);
    let (fork_id, copy) = (text(&forked["forkId"]), text(&forked["forkRegistrationId"]));
    assert!(fork_id.starts_with("mkf_") && copy.starts_with("cer_"), "{forked}");
    assert_eq!(
        forked,
        json!({
            "forkId": fork_id, "forkRegistrationId": copy, "forkCanonicalName": own, "sourceCanonicalName": source,
        })
    );
    let detail = registration(&tenant, &copy).await;
    let texts = format!(r#""payloadSchema":{SCHEMA},"payloadExample":{EXAMPLE}"#);
    assert!(detail.text.contains(&texts), "the copy is verbatim: {detail}");
    let data = detail.ok();
    assert_eq!((&data["status"], &data["version"]), (&json!("draft"), &json!("1.0.0")));
    assert_eq!((&data["description"], &data["registeredBy"]), (&json!("In whose UI?\n"), &json!("default")));
    assert_eq!(
        data["forkedFrom"],
        json!({
            "forkId": fork_id, "listingId": id, "publisherOrganizationId": publisher.id,
            "sourceCanonicalName": source, "forkedBy": "default", "forkedAt": "2026-05-06T12:00:00.000Z",
        })
    );
    let owned = publisher.get(EVENTS).await.ok();
    for event in owned["events"].as_array().expect("a list") {
        let data = registration(&publisher, &text(&event["id"])).await.ok();
        assert_eq!(data["forkedFrom"], Value::Null);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_fork_takes_what_it_is_told_instead_of_defaults() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("ENTERPRISE").await);
    let id = strict(&publisher).await;
    let body = json!({
        "namespace": tenant.namespace, "name": "favorited", "version": "7.0.0", "description": "Ours",
        "status": "published",
    });
    let copy = text(&fork_with(&tenant, &id, body).await.created()["forkRegistrationId"]);
    let data = registration(&tenant, &copy).await.ok();
    assert_eq!((&data["status"], &data["version"]), (&json!("published"), &json!("7.0.0")));
    assert_eq!(data["description"], "Ours");
    let body = json!({
        "namespace": tenant.namespace, "name": "defaults", "version": null, "description": null, "status": null,
    });
    let copy = text(&fork_with(&tenant, &id, body).await.created()["forkRegistrationId"]);
    let data = registration(&tenant, &copy).await.ok();
    assert_eq!((&data["status"], &data["version"]), (&json!("draft"), &json!("1.0.0")));
    assert_eq!(data["description"], "In whose UI?\n");
    app.stop().await;
}

/// A fork can do everything that a registration can, also when its source is gone.
#[tokio::test]
async fn a_fork_lives_on_its_own() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = strict(&publisher).await;
    let copy = text(&fork(&tenant, &id, "favorited").await.created()["forkRegistrationId"]);
    let name = format!("{}.favorited", tenant.namespace);
    let emit = async |payload: Value| {
        let body = json!({ "name": name, "payload": payload });
        tenant.post(&format!("{EVENTS}/emit"), body).await
    };
    emit(json!({ "id": "p_1" })).await.refused(409, "event_not_published");
    tenant.patch(&format!("{EVENTS}/{copy}"), json!({ "status": "published" })).await.ok();
    // The source is archived, and the fork stays as it is.
    unpublish(&publisher, &id).await.ok();
    let source =
        text(&publisher.get(&format!("{EVENTS}?namespace={}", publisher.namespace)).await.ok()["events"][0]["id"]);
    publisher.delete(&format!("{EVENTS}/{source}")).await.ok();
    tenant.subscribe(&name, &receiver.url("/")).await;
    emit(json!({ "id": "p_1" })).await.accepted();
    emit(json!({})).await.refused(400, "payload_invalid");
    app.settle().await;
    let [delivered] = &receiver.requests()[..] else { panic!("one event was emitted") };
    assert_eq!(delivered.json()["canonicalName"], format!("TENANT_CUSTOM:{}:{name}@1.0.0", tenant.id));
    // The fork is listed and forked in turn, and that fork names it as its source.
    let again = text(&publish(&tenant, &copy, "Favorites, ours").await.created()["id"]);
    let second = fork(&publisher, &again, "back-again").await.created();
    assert_eq!(second["sourceCanonicalName"], format!("TENANT_CUSTOM:{}:{name}@1.0.0", tenant.id));
    // The fork gets versions of its own.
    let bump = json!({
        "namespace": tenant.namespace, "name": "favorited", "version": "2.0.0", "payloadSchema": { "type": "object" },
    });
    assert_eq!(tenant.post(EVENTS, bump).await.created()["semverBump"], "major");
    tenant.delete(&format!("{EVENTS}/{copy}")).await.ok();
    assert_eq!(listing(&tenant, &again).await.ok()["status"], "archived");
    app.stop().await;
}

#[tokio::test]
async fn a_fork_is_refused_for_the_reasons_of_a_registration() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&publisher, "order", "Orders").await;
    let own = tenant.namespace.clone();
    for (body, status, code) in [
        (json!({}), 400, "invalid_request"),
        (json!({ "namespace": own }), 400, "invalid_request"),
        (json!({ "name": "copy" }), 400, "invalid_request"),
        (json!({ "namespace": own, "name": 7 }), 400, "invalid_request"),
        (json!({ "namespace": "No", "name": "copy" }), 400, "invalid_namespace"),
        (json!({ "namespace": own, "name": "No" }), 400, "invalid_name"),
        (json!({ "namespace": "events", "name": "copy" }), 400, "reserved_namespace"),
        (json!({ "namespace": "platformxe", "name": "generic" }), 400, "cannot_register_generic_event"),
        (json!({ "namespace": publisher.namespace, "name": "copy" }), 400, "namespace_not_allowed"),
        (json!({ "namespace": own, "name": "copy", "version": "1.0" }), 400, "invalid_version_format"),
        (json!({ "namespace": own, "name": "copy", "status": "archived" }), 400, "invalid_request"),
        (json!({ "namespace": own, "name": "copy", "description": "é".repeat(4_097) }), 400, "invalid_request"),
    ] {
        assert_eq!(fork_with(&tenant, &id, body.clone()).await.refusal(), (status, code.to_owned()), "{body}");
    }
    for id in [&unknown_id("mkl_"), "nonsense"] {
        fork(&tenant, id, "copy").await.refused(404, "listing_not_found");
    }
    assert_eq!(listing(&publisher, &id).await.ok()["forkCount"], 0);
    assert_eq!(tenant.get(&format!("{EVENTS}?namespace={own}")).await.ok()["events"], json!([]));
    app.stop().await;
}

#[tokio::test]
async fn a_version_that_exists_is_not_forked_over() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&publisher, "order", "Orders").await;
    fork(&tenant, &id, "copy").await.created();
    fork(&tenant, &id, "copy").await.refused(409, "fork_already_exists");
    let existing = tenant.register("own", "1.0.0").await;
    tenant.delete(&format!("{EVENTS}/{existing}")).await.ok();
    fork(&tenant, &id, "own").await.refused(409, "fork_already_exists");
    // A fork into an event that the organization has follows the rules of versions.
    for (version, answer) in [
        ("0.9.0", Err((400, "version_downgrade"))),
        ("3.0.0", Err((400, "version_invalid_jump"))),
        ("2.0.0", Ok("2.0.0")),
    ] {
        let body = json!({ "namespace": tenant.namespace, "name": "copy", "version": version });
        let got = fork_with(&tenant, &id, body).await;
        match answer {
            Ok(version) => assert!(text(&got.created()["forkCanonicalName"]).ends_with(version)),
            Err((status, code)) => got.refused(status, code),
        }
    }
    assert_eq!(listing(&publisher, &id).await.ok()["forkCount"], 2);
    app.stop().await;
}

#[tokio::test]
async fn hidden_listings_are_not_forked_and_ones_own_are() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&publisher, "order", "Orders").await;
    fork(&publisher, &id, "order-too").await.created();
    unpublish(&publisher, &id).await.ok();
    // To others it is not there, as when it is looked at.
    listing(&tenant, &id).await.refused(404, "listing_not_found");
    fork(&tenant, &id, "copy").await.refused(404, "listing_not_found");
    fork(&publisher, &id, "order-three").await.refused(409, "listing_not_published");
    assert_eq!(listing(&publisher, &id).await.ok()["forkCount"], 1);
    app.stop().await;
}

#[tokio::test]
async fn a_fork_takes_a_place_of_the_quota() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&publisher, "order", "Orders").await;
    for number in 0..25 {
        fork(&tenant, &id, &format!("copy-{number}")).await.created();
    }
    fork(&tenant, &id, "copy-25").await.refused(402, "registration_quota_exceeded");
    assert_eq!(listing(&publisher, &id).await.ok()["forkCount"], 25);
    let health = tenant.get(&format!("{EVENTS}/health")).await.ok();
    assert_eq!(health["registrations"], json!({ "used": 25, "limit": 25 }));
    app.stop().await;
}

#[tokio::test]
async fn forking_needs_a_plan() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("FREE").await);
    let id = listed(&publisher, "order", "Orders").await;
    for plan in ["FREE", "BASIC"] {
        app.set_plan(&tenant, plan).await;
        for id in [&id, &unknown_id("mkl_")] {
            fork(&tenant, id, "copy").await.refused(402, "MARKETPLACE_FORK_NOT_AVAILABLE");
        }
    }
    app.set_plan(&tenant, "ENTERPRISE").await;
    fork(&tenant, &id, "copy").await.created();
    app.stop().await;
}

/// Sixty-four forks of one listing at once, over two hosts where the database allows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_count_of_forks_is_right_however_many_fork_at_once() {
    let app = TestApp::start().await;
    let beside = app.beside_on_postgres().await;
    let publisher = app.organization("PRO").await;
    let id = listed(&publisher, "order", "Orders").await;
    let mut tenants = Vec::new();
    for number in 0..8 {
        let tenant = app.organization("PRO").await;
        let other = beside.as_ref().filter(|_| number % 2 == 1);
        tenants.push(other.map_or(tenant.clone(), |app| app.client_of(&tenant)));
    }
    let id = id.as_str();
    let forks = (0..64).map(|number| {
        let tenant = &tenants[number % 8];
        async move { fork(tenant, id, &format!("copy-{}", number / 8)).await.status }
    });
    let statuses: Vec<u16> = stream::iter(forks).buffer_unordered(64).collect().await;
    assert_eq!(statuses, [201; 64]);
    assert_eq!(listing(&publisher, id).await.ok()["forkCount"], 64);
    let rows = number(&app.database.location, "select count(*) from marketplace_fork").await;
    assert_eq!(rows, 64);
    app.stop_with(beside).await;
}

/// Forks race with the end of their listing: `forkCount` counts the forks that succeeded, and no others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_ends_while_it_is_forked_counts_what_was_forked() {
    let app = TestApp::start().await;
    let publisher = app.organization("PRO").await;
    let id = listed(&publisher, "order", "Orders").await;
    let mut tenants = Vec::new();
    for _ in 0..8 {
        tenants.push(app.organization("PRO").await);
    }
    let forks = futures_util::future::join_all(tenants.iter().map(|tenant| fork(tenant, &id, "copy")));
    let (answers, hidden) = tokio::join!(forks, unpublish(&publisher, &id));
    hidden.ok();
    let forked = answers.iter().filter(|answer| answer.status == 201).count();
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.refused(404, "listing_not_found");
    }
    assert_eq!(listing(&publisher, &id).await.ok()["forkCount"], forked);
    app.stop().await;
}

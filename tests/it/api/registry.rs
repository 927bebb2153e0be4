//! Registering, reading, moving and archiving events (contract 2.1 to 2.4, 2.9, 2.10, 14.1).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp, client::text};

const EVENTS: &str = "/api/v1/events/custom";

/// A registration that is in order.
fn sound(tenant: &Client) -> Value {
    json!({
        "namespace": tenant.namespace,
        "name": "order.placed",
        "version": "1.0.0",
        "payloadSchema": { "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] },
    })
}

/// The same with some members changed; `null` takes one away.
fn with(mut body: Value, changes: impl std::borrow::Borrow<Value>) -> Value {
    for (name, value) in changes.borrow().as_object().expect("changes are an object") {
        body[name] = value.clone();
        if value.is_null() {
            body.as_object_mut().expect("an object").remove(name);
        }
    }
    body
}

/// A schema with this many levels, the root being 1.
fn deep(levels: usize) -> Value {
    (1..levels).fold(json!({ "type": "object" }), |inner, _| json!({ "type": "object", "properties": { "p": inner } }))
}

/// A schema with this many properties.
fn wide(properties: usize) -> Value {
    let properties: serde_json::Map<String, Value> = (0..properties).map(|i| (format!("p{i}"), json!({}))).collect();
    json!({ "type": "object", "properties": properties })
}

async fn register(tenant: &Client, changes: Value) -> Answer {
    tenant.post(EVENTS, with(sound(tenant), changes)).await
}

#[tokio::test]
async fn a_registration_answers_all_members() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let data = register(&tenant, json!({ "description": "Für alle 🎉\nline" })).await.created();
    let id = text(&data["id"]);
    assert!(id.starts_with("cer_"), "{id}");
    let hash = text(&data["schemaHash"]);
    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{hash}");
    let canonical = format!("TENANT_CUSTOM:{}:{}.order.placed@1.0.0", tenant.id, tenant.namespace);
    assert_eq!(
        data,
        json!({
            "id": id, "organizationId": tenant.id, "canonicalName": canonical, "namespace": tenant.namespace,
            "name": "order.placed", "version": "1.0.0", "status": "draft", "description": "Für alle 🎉\nline",
            "registeredBy": "default", "schemaHash": hash, "schemaFlavour": "json-schema-2020-12",
            "semverBump": "initial", "compatibility": "backward", "createdAt": "2026-05-06T12:00:00.000Z", "updatedAt": "2026-05-06T12:00:00.000Z",
        })
    );
    let detail = tenant.get(&format!("{EVENTS}/{id}")).await.ok();
    for member in ["id", "organizationId", "canonicalName", "status", "description", "registeredBy", "schemaHash"] {
        assert_eq!(detail[member], data[member], "{member}");
    }
    assert_eq!(detail["payloadSchema"], sound(&tenant)["payloadSchema"]);
    for nullable in ["payloadExample", "archivedAt"] {
        assert_eq!(detail.get(nullable), Some(&Value::Null), "{nullable}");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_has_a_code_of_its_own() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    for (changes, code) in [
        (json!({ "namespace": null }), "invalid_request"),
        (json!({ "name": null }), "invalid_request"),
        (json!({ "version": null }), "invalid_request"),
        (json!({ "payloadSchema": null }), "invalid_request"),
        (json!({ "payloadSchema": true }), "invalid_request"),
        (json!({ "payloadSchema": [] }), "invalid_request"),
        (json!({ "payloadExample": "text" }), "invalid_request"),
        (json!({ "status": "archived" }), "invalid_request"),
        (json!({ "status": "Published" }), "invalid_request"),
        (json!({ "description": "x".repeat(4_097) }), "invalid_request"),
        (json!({ "description": "a\u{0}b" }), "invalid_request"),
        (json!({ "namespace": "platformxe", "name": "generic" }), "cannot_register_generic_event"),
        (json!({ "namespace": "Upper" }), "invalid_namespace"),
        (json!({ "namespace": "a" }), "invalid_namespace"),
        (json!({ "namespace": "a".repeat(32) }), "invalid_namespace"),
        (json!({ "namespace": "a.b" }), "invalid_namespace"),
        (json!({ "namespace": "events" }), "reserved_namespace"),
        (json!({ "namespace": "platformxe" }), "reserved_namespace"),
        (json!({ "namespace": "somebody-else" }), "namespace_not_allowed"),
        (json!({ "name": "1st" }), "invalid_name"),
        (json!({ "name": "a".repeat(62) }), "invalid_name"),
        (json!({ "version": "1.0" }), "invalid_version_format"),
        (json!({ "version": "01.0.0" }), "invalid_version_format"),
        (json!({ "version": "1.0.0-rc.1" }), "invalid_version_format"),
        (json!({ "version": "4294967296.0.0" }), "invalid_version_format"),
        (json!({ "payloadSchema": deep(6) }), "schema_too_deep"),
        (json!({ "payloadSchema": wide(51) }), "schema_too_wide"),
        (json!({ "payloadSchema": { "type": "nonsense" } }), "invalid_json_schema"),
        (json!({ "payloadSchema": { "$ref": "https://example.org/schema" } }), "invalid_json_schema"),
        (json!({ "payloadExample": { "id": 1 } }), "payload_example_does_not_match_schema"),
    ] {
        let answer = register(&tenant, changes.clone()).await;
        assert_eq!(answer.refusal(), (400, code.to_owned()), "{changes}: {answer}");
    }
    assert_eq!(tenant.get(EVENTS).await.ok()["events"].as_array().map(Vec::len), Some(1), "the generic event only");
    app.stop().await;
}

#[tokio::test]
async fn what_is_just_within_the_bounds_is_registered() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    for (number, changes) in [
        json!({ "name": "a".repeat(61) }),
        json!({ "payloadSchema": deep(5) }),
        json!({ "payloadSchema": wide(50) }),
        json!({ "description": "x".repeat(4_096) }),
        json!({ "payloadExample": { "id": "o_1" } }),
        json!({ "version": "4294967295.4294967295.4294967295" }),
        json!({ "unknownMember": { "is": "ignored" } }),
    ]
    .into_iter()
    .enumerate()
    {
        register(&tenant, with(json!({ "name": format!("event-{number}") }), changes)).await.created();
    }
    app.stop().await;
}

/// Contract 2.10: body shape, generic, namespace, reserved, name, version, allowlist, quota,
/// schema caps, schema, example, version arithmetic.
#[tokio::test]
async fn the_first_mistake_in_the_contracts_order_is_answered() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let own = tenant.namespace.clone();
    let mut body = json!({ "namespace": "platformxe", "name": "generic", "version": "x", "payloadExample": {} });
    let too_deep_and_wrong = with(deep(6), json!({ "type": "nonsense" }));
    let steps = [
        (json!({}), 400, "invalid_request"),
        (json!({ "payloadSchema": too_deep_and_wrong }), 400, "cannot_register_generic_event"),
        (json!({ "namespace": "UPPER", "name": "1" }), 400, "invalid_namespace"),
        (json!({ "namespace": "events" }), 400, "reserved_namespace"),
        (json!({ "namespace": "other" }), 400, "invalid_name"),
        (json!({ "name": "order" }), 400, "invalid_version_format"),
        (json!({ "version": "9.9.9" }), 400, "namespace_not_allowed"),
        (json!({ "namespace": own }), 402, "registration_quota_exceeded"),
    ];
    for (changes, status, code) in steps {
        body = with(body, changes);
        tenant.post(EVENTS, body.clone()).await.refused(status, code);
    }
    app.set_plan(&tenant, "PRO").await;
    tenant.register("order", "1.0.0").await;
    for (changes, code) in [
        (json!({}), "schema_too_deep"),
        (json!({ "payloadSchema": { "type": "nonsense" } }), "invalid_json_schema"),
        (json!({ "payloadSchema": { "type": "object", "required": ["id"] } }), "payload_example_does_not_match_schema"),
        (json!({ "payloadExample": { "id": 1 } }), "version_invalid_jump"),
    ] {
        body = with(body, changes);
        tenant.post(EVENTS, body.clone()).await.refused(400, code);
    }
    tenant.post(EVENTS, with(body, json!({ "version": "2.0.0" }))).await.created();
    app.stop().await;
}

#[tokio::test]
async fn schema_and_example_are_kept_byte_for_byte() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let schema =
        r#"{ "type":"object",  "z":1.0, "a":1e2, "properties" : {"b":{"const":1.50},"a":{"title":"\u00e9 é"}}}"#;
    let example = "{\"b\" : 1.50 ,\n\t\"a\":\"\\u00e9\", \"n\":12345678901234567890.0100}";
    let body = format!(
        r#"{{"namespace":"{}","name":"odd","version":"1.0.0","payloadSchema":{schema},"payloadExample":{example}}}"#,
        tenant.namespace
    );
    let id = text(&tenant.send("POST", EVENTS, Some(body)).await.created()["id"]);
    let answer = tenant.get(&format!("{EVENTS}/{id}")).await;
    assert!(answer.text.contains(&format!("\"payloadSchema\":{schema}")), "{answer}");
    assert!(answer.text.contains(&format!("\"payloadExample\":{example}")), "{answer}");
    app.stop().await;
}

#[tokio::test]
async fn schemas_of_openapi_are_told_apart() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let schema = json!({ "type": "object", "properties": { "id": { "type": "string", "example": "o_1" } } });
    let data = register(&tenant, json!({ "payloadSchema": schema })).await.created();
    assert_eq!(data["schemaFlavour"], "openapi-3.1");
    app.stop().await;
}

#[tokio::test]
async fn a_list_is_the_newest_first_and_narrowed_by_its_filters() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    app.admin()
        .post(&format!("/api/admin/v1/organizations/{}/namespaces", tenant.id), json!({ "namespace": "second" }))
        .await
        .created();
    for (namespace, name, status) in
        [(tenant.namespace.as_str(), "first", "draft"), ("second", "second", "published"), ("second", "third", "draft")]
    {
        app.clock.advance(Duration::from_secs(1));
        register(&tenant, json!({ "namespace": namespace, "name": name, "status": status })).await.created();
    }
    for (query, expected) in [
        ("", vec!["third", "second", "first", "generic"]),
        ("?namespace=second", vec!["third", "second"]),
        ("?status=published", vec!["second", "generic"]),
        ("?status=draft&namespace=second", vec!["third"]),
        ("?status=archived", vec![]),
        ("?namespace=nowhere", vec![]),
        ("?namespace=&status=", vec!["third", "second", "first", "generic"]),
        ("?unknown=ignored&page=-1", vec!["third", "second", "first", "generic"]),
    ] {
        let events = tenant.get(&format!("{EVENTS}{query}")).await.ok()["events"].clone();
        let names: Vec<&str> =
            events.as_array().expect("a list").iter().map(|event| event["name"].as_str().expect("a name")).collect();
        assert_eq!(names, expected, "{query}");
    }
    tenant.get(&format!("{EVENTS}?status=gone")).await.refused(400, "invalid_request");
    app.stop().await;
}

#[tokio::test]
async fn the_generic_event_is_there_from_the_start_and_stays() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let events = tenant.get(EVENTS).await.ok()["events"].clone();
    assert_eq!(events.as_array().map(Vec::len), Some(1));
    let path = format!("{EVENTS}/{}", text(&events[0]["id"]));
    let detail = tenant.get(&path).await.ok();
    let facts = ["namespace", "name", "version", "status", "registeredBy"].map(|member| text(&detail[member]));
    assert_eq!(facts, ["platformxe", "generic", "1.0.0", "published", "platform"]);
    tenant.delete(&path).await.refused(403, "cannot_archive_generic_event");
    tenant.patch(&path, json!({ "status": "archived" })).await.refused(403, "cannot_archive_generic_event");
    assert_eq!(tenant.get(&path).await.ok()["status"], "published");
    app.stop().await;
}

#[tokio::test]
async fn archiving_twice_answers_the_first_time_again() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let path = format!("{EVENTS}/{}", tenant.register("order", "1.0.0").await);
    app.clock.advance(Duration::from_secs(5));
    let first = tenant.delete(&path).await.ok();
    assert_eq!(first["status"], "archived");
    assert_eq!(first["archivedAt"], "2026-05-06T12:00:05.000Z");
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(tenant.delete(&path).await.ok(), first);
    let detail = tenant.get(&path).await.ok();
    assert_eq!((&detail["status"], &detail["archivedAt"]), (&first["status"], &first["archivedAt"]));
    app.stop().await;
}

#[tokio::test]
async fn a_registration_moves_forward_only() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = text(&register(&tenant, json!({})).await.created()["id"]);
    let path = format!("{EVENTS}/{id}");
    let to = |status: &str| tenant.patch(&path, json!({ "status": status }));
    to("archived").await.refused(409, "invalid_state");
    to("nonsense").await.refused(400, "invalid_request");
    assert_eq!(to("draft").await.ok()["status"], "draft");
    assert_eq!(to("published").await.ok()["status"], "published");
    to("draft").await.refused(409, "invalid_state");
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(to("archived").await.ok()["archivedAt"], "2026-05-06T12:00:01.000Z");
    for status in ["draft", "published"] {
        to(status).await.refused(409, "invalid_state");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = text(&register(&tenant, json!({ "description": "first" })).await.created()["id"]);
    let path = format!("{EVENTS}/{id}");
    assert_eq!(tenant.patch(&path, json!({})).await.ok()["description"], "first");
    assert_eq!(tenant.patch(&path, json!({ "description": "second" })).await.ok()["description"], "second");
    assert_eq!(tenant.patch(&path, json!({ "status": "published" })).await.ok()["description"], "second");
    assert_eq!(tenant.patch(&path, json!({ "description": null })).await.ok()["description"], Value::Null);
    tenant.patch(&path, json!({ "description": "x".repeat(4_097) })).await.refused(400, "invalid_request");
    app.stop().await;
}

#[tokio::test]
async fn an_unknown_registration_is_not_found() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for id in ["cer_01jd0000000000000000000000", "cer_", "nonsense", "evs_01jd0000000000000000000000", "%F0%9F%8E%89"] {
        let path = format!("{EVENTS}/{id}");
        tenant.get(&path).await.refused(404, "registration_not_found");
        tenant.patch(&path, json!({})).await.refused(404, "registration_not_found");
        tenant.delete(&path).await.refused(404, "registration_not_found");
    }
    app.stop().await;
}

//! Compatibility of an event's versions, and the dry run of a registration (contract 2.6, 6.2).

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp, client::text, database::number};

const EVENTS: &str = "/api/v1/events/custom";
const DRY_RUN: &str = "/api/v1/events/custom/dry-run";

/// A version of an event with this schema.
fn body(tenant: &Client, version: &str, schema: &Value) -> Value {
    json!({ "namespace": tenant.namespace, "name": "order", "version": version, "payloadSchema": schema })
}

async fn register(tenant: &Client, version: &str, schema: &Value) -> Answer {
    tenant.post(EVENTS, body(tenant, version, schema)).await
}

/// An order: open to members that it does not declare.
fn order() -> Value {
    json!({
        "type": "object",
        "description": "An order",
        "properties": {
            "id": { "type": "string", "description": "Its number" },
            "description": { "type": "string" },
        },
        "required": ["id"],
    })
}

/// The same with one member more.
fn with_member(name: &str, schema: Value) -> Value {
    let mut order = order();
    order["properties"][name] = schema;
    order
}

fn requiring(names: &[&str]) -> Value {
    let mut order = with_member("total", json!({ "type": "integer" }));
    order["required"] = names.into();
    order
}

#[tokio::test]
async fn a_patch_changes_descriptions_only() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    register(&tenant, "1.0.0", &order()).await.created();
    let mut described = order();
    described["description"] = "Something that was bought".into();
    described["properties"]["id"].as_object_mut().expect("an object").remove("description");
    let mut renamed = order();
    // A member that is called description is no annotation.
    renamed["properties"]["description"] = json!({ "type": "integer" });
    let mut titled = order();
    titled["title"] = "Order".into();
    for other in [renamed, titled, json!({ "type": "object" })] {
        register(&tenant, "1.0.1", &other).await.refused(400, "patch_must_be_byte_equal");
    }
    let data = register(&tenant, "1.0.1", &described).await.created();
    assert_eq!(data["semverBump"], "patch");
    app.stop().await;
}

#[tokio::test]
async fn the_order_of_members_and_the_spelling_of_numbers_are_no_change() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let versions = [
        ("1.0.0", r#"{"type":"object","properties":{"n":{"type":"number","minimum":1}}}"#),
        ("1.0.1", r#"{ "properties":{"n":{"minimum":1.0,"type":"number"}}, "type":"object" }"#),
    ];
    let mut hashes = Vec::new();
    for (version, schema) in versions {
        let body = format!(
            r#"{{"namespace":"{}","name":"order","version":"{version}","payloadSchema":{schema}}}"#,
            tenant.namespace
        );
        let data = tenant.send("POST", EVENTS, Some(body)).await.created();
        hashes.push(text(&data["schemaHash"]));
        let detail = tenant.get(&format!("{EVENTS}/{}", text(&data["id"]))).await;
        assert!(detail.text.contains(schema), "{detail}");
    }
    assert_eq!(hashes[0], hashes[1]);
    app.stop().await;
}

#[tokio::test]
async fn a_minor_version_may_add_but_not_demand() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    register(&tenant, "1.0.0", &order()).await.created();
    let refused = register(&tenant, "1.1.0", &requiring(&["id", "total"])).await;
    refused.refused(400, "minor_must_be_backwards_compatible");
    let details = refused.body()["error"]["details"].clone();
    let violations = details["violations"].as_array().expect("a list");
    assert!(!violations.is_empty(), "{details}");
    for violation in violations {
        for member in ["path", "rule", "reason"] {
            assert!(violation[member].is_string(), "{violation}");
        }
    }
    // The counterexample is valid under the old schema and invalid under the new one.
    let counterexample = details["counterexample"].clone();
    let name = format!("{}.order", tenant.namespace);
    let emit = |payload: Value| tenant.post("/api/v1/events/custom/emit", json!({ "name": name, "payload": payload }));
    publish_all(&tenant).await;
    emit(counterexample.clone()).await.accepted();
    let mut published = body(&tenant, "2.0.0", &requiring(&["id", "total"]));
    published["status"] = "published".into();
    assert_eq!(tenant.post(EVENTS, published).await.created()["semverBump"], "major");
    emit(counterexample).await.refused(400, "payload_invalid");
    assert_eq!(register(&tenant, "2.1.0", &requiring(&["id"])).await.created()["semverBump"], "minor");
    app.stop().await;
}

/// Publishes every draft.
async fn publish_all(tenant: &Client) {
    let drafts = tenant.get(&format!("{EVENTS}?status=draft")).await.ok()["events"].clone();
    for draft in drafts.as_array().expect("a list") {
        let path = format!("{EVENTS}/{}", text(&draft["id"]));
        tenant.patch(&path, json!({ "status": "published" })).await.ok();
    }
}

/// An emitter of an open schema may have sent any `total` until now.
#[tokio::test]
async fn the_new_version_chooses_the_mode_of_the_comparison() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let mut first = body(&tenant, "1.0.0", &order());
    first["compatibility"] = "strict".into();
    let data = tenant.post(EVENTS, first).await.created();
    assert_eq!(data["compatibility"], "strict");
    let wider = with_member("total", json!({ "type": "integer" }));
    let mut strict = body(&tenant, "1.1.0", &wider);
    strict["compatibility"] = "strict".into();
    tenant.post(EVENTS, strict.clone()).await.refused(400, "minor_must_be_backwards_compatible");
    tenant.post(DRY_RUN, strict).await.refused(400, "minor_must_be_backwards_compatible");
    // The mode of the version before does not count.
    let data = register(&tenant, "1.1.0", &wider).await.created();
    assert_eq!((&data["compatibility"], &data["semverBump"]), (&json!("backward"), &json!("minor")));
    let detail = tenant.get(&format!("{EVENTS}/{}", text(&data["id"]))).await.ok();
    assert_eq!(detail["compatibility"], "backward");
    let listed = tenant.get(&format!("{EVENTS}?namespace={}", tenant.namespace)).await.ok();
    let words = listed["events"].as_array().expect("a list").iter().map(|event| text(&event["compatibility"]));
    let mut words: Vec<String> = words.collect();
    words.sort();
    assert_eq!(words, ["backward", "strict"]);
    for wrong in ["", "Strict", "declared", "none"] {
        let mut body = body(&tenant, "1.2.0", &wider);
        body["compatibility"] = wrong.into();
        tenant.post(EVENTS, body).await.refused(400, "invalid_request");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_version_is_compared_with_the_highest_whatever_became_of_it() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    register(&tenant, "1.0.0", &requiring(&["id", "total"])).await.created();
    let looser = text(&register(&tenant, "1.1.0", &order()).await.created()["id"]);
    // The comparison is with 1.1.0 and not with 1.0.0, also while 1.1.0 is a draft or archived.
    let tighter = requiring(&["id", "total"]);
    register(&tenant, "1.2.0", &tighter).await.refused(400, "minor_must_be_backwards_compatible");
    tenant.delete(&format!("{EVENTS}/{looser}")).await.ok();
    register(&tenant, "1.2.0", &tighter).await.refused(400, "minor_must_be_backwards_compatible");
    register(&tenant, "1.1.1", &tighter).await.refused(400, "patch_must_be_byte_equal");
    app.stop().await;
}

/// Fault 01: two lawful steps, the second of which breaks emitters of the first version. Drafts count.
#[tokio::test]
async fn what_an_earlier_version_declared_counts_although_the_last_one_forgot_it() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    register(&tenant, "1.0.0", &with_member("a", json!({ "type": "string" }))).await.created();
    register(&tenant, "1.1.0", &order()).await.created();
    let mut described = order();
    described["description"] = "An order, in other words".into();
    register(&tenant, "1.1.1", &described).await.created();
    let other = with_member("a", json!({ "type": "integer" }));
    let refused = register(&tenant, "1.2.0", &other).await;
    refused.refused(400, "minor_must_be_backwards_compatible");
    let error = refused.body()["error"].clone();
    assert_eq!(error["details"]["version"], "1.0.0");
    assert!(error["details"]["counterexample"]["a"].is_string(), "{error}");
    assert!(text(&error["message"]).contains("1.2.0 may refuse what 1.0.0 takes"), "{error}");
    register(&tenant, "1.2.0", &with_member("a", json!({ "type": ["string", "integer"] }))).await.created();
    // A major version begins anew.
    register(&tenant, "2.0.0", &order()).await.created();
    register(&tenant, "2.1.0", &other).await.created();
    app.stop().await;
}

#[tokio::test]
async fn basic_is_held_to_the_same_rules_although_it_has_the_latest_only() {
    let app = TestApp::start().await;
    let tenant = app.organization("BASIC").await;
    register(&tenant, "1.0.0", &order()).await.created();
    register(&tenant, "1.1.0", &requiring(&["id", "total"])).await.refused(400, "minor_must_be_backwards_compatible");
    register(&tenant, "1.1.0", &requiring(&["id"])).await.created();
    let archived = tenant.get(&format!("{EVENTS}?status=archived")).await.ok();
    assert_eq!(archived["events"][0]["version"], "1.0.0", "and a refused version archives nothing");
    app.stop().await;
}

/// Two versions that are each compatible with the highest, but not with each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_first_meanwhile_is_what_a_version_is_compared_with() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    register(&tenant, "1.0.0", &order()).await.created();
    let patches: Vec<Value> =
        (0..32).map(|n| if n % 2 == 0 { order() } else { with_member("total", json!({})) }).collect();
    let tries = patches.iter().enumerate().map(|(n, schema)| {
        let version = if n % 2 == 0 { "1.0.1" } else { "1.1.0" };
        register(&tenant, version, schema)
    });
    let answers = futures_util::future::join_all(tries).await;
    let created: Vec<String> =
        answers.iter().filter(|a| a.status == 201).map(|a| text(&a.body()["data"]["version"])).collect();
    assert!([vec!["1.1.0"], vec!["1.0.1", "1.1.0"]].iter().any(|legal| sorted(&created) == *legal), "{created:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        let (status, code) = answer.refusal();
        assert!(status == 400 && ["version_already_exists", "version_downgrade"].contains(&code.as_str()), "{answer}");
    }
    app.stop().await;
}

fn sorted(texts: &[String]) -> Vec<String> {
    let mut texts = texts.to_vec();
    texts.sort();
    texts
}

#[tokio::test]
async fn a_dry_run_says_what_registering_would_say() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    register(&tenant, "1.0.0", &order()).await.created();
    let own = |changes: Value| {
        let mut body = body(&tenant, "1.1.0", &requiring(&["id"]));
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    for (number, changes) in [
        json!({}),
        json!({ "name": "other", "version": "7.0.0" }),
        json!({ "version": "2.0.0", "payloadSchema": {} }),
        json!({ "payloadExample": { "id": "o_1", "total": 1 } }),
        json!({ "payloadSchema": requiring(&["id", "total"]) }),
        json!({ "version": "1.0.0" }),
        json!({ "version": "0.9.0" }),
        json!({ "version": "1.3.0" }),
        json!({ "version": "1.0.1" }),
        json!({ "version": "1" }),
        json!({ "payloadExample": { "id": 1 } }),
        json!({ "payloadSchema": { "type": "nonsense" } }),
        json!({ "payloadSchema": { "$ref": "https://example.com/" } }),
        json!({ "payloadSchema": true }),
        json!({ "namespace": "somebody-else" }),
        json!({ "namespace": "events" }),
        json!({ "namespace": "platformxe", "name": "generic" }),
        json!({ "name": "1" }),
        json!({ "status": "archived" }),
        json!({ "compatibility": "none" }),
        json!({ "description": "x".repeat(4_097) }),
    ]
    .into_iter()
    .enumerate()
    {
        let tried = tenant.post(DRY_RUN, own(changes.clone())).await;
        if tried.status != 200 {
            let registered = tenant.post(EVENTS, own(changes.clone())).await;
            assert_eq!((tried.status, &tried.text), (registered.status, &registered.text), "{changes}");
            continue;
        }
        let tried = tried.ok();
        assert_eq!(tried["valid"], true);
        // In an organization of its own, so that the next row finds the same registry.
        let twin = app.organization("PRO").await;
        let as_twin = |mut body: Value| {
            if body["namespace"] == tenant.namespace.as_str() {
                body["namespace"] = twin.namespace.as_str().into();
            }
            body
        };
        twin.post(EVENTS, as_twin(body(&tenant, "1.0.0", &order()))).await.created();
        let registered = twin.post(EVENTS, as_twin(own(changes.clone()))).await.created();
        for member in ["schemaHash", "schemaFlavour", "semverBump"] {
            assert_eq!(tried[member], registered[member], "{number}: {member}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_dry_run_answers_all_members_and_keeps_nothing() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    register(&tenant, "1.0.0", &order()).await.created();
    let before = rows(&app).await;
    let data = tenant.post(DRY_RUN, body(&tenant, "1.1.0", &requiring(&["id"]))).await.ok();
    let hash = text(&data["schemaHash"]);
    assert_eq!(hash.len(), 64);
    assert_eq!(
        data,
        json!({
            "valid": true, "schemaHash": hash, "schemaFlavour": "json-schema-2020-12", "semverBump": "minor",
            "schemaDepth": 1, "schemaPropertyCount": 3,
        })
    );
    let refused = tenant.post(DRY_RUN, body(&tenant, "1.1.0", &requiring(&["id", "total"]))).await;
    refused.refused(400, "minor_must_be_backwards_compatible");
    assert!(refused.body()["error"]["details"]["counterexample"].is_object(), "{refused}");
    assert_eq!(rows(&app).await, before);
    assert_eq!(tenant.get(EVENTS).await.ok()["events"].as_array().map(Vec::len), Some(2));
    app.stop().await;
}

/// The number of rows in each table that a registration writes to, and the revisions.
async fn rows(app: &TestApp) -> Vec<i64> {
    let mut rows = Vec::new();
    for sql in [
        "select count(*) from registration",
        "select count(*) from emit",
        "select count(*) from delivery",
        "select count(*) from emit_usage",
        "select count(*) from idempotency",
        "select cast(sum(revision) as bigint) from organization",
    ] {
        rows.push(number(&app.database.location, sql).await);
    }
    rows
}

#[tokio::test]
async fn a_dry_run_is_for_every_plan_and_every_reader() {
    let app = TestApp::start().await;
    for plan in ["FREE", "BASIC", "PRO", "ENTERPRISE"] {
        let tenant = app.organization(plan).await;
        let reader = json!({ "callerService": "ci", "scopes": ["events:read"] });
        let path = format!("/api/admin/v1/organizations/{}/keys", tenant.id);
        let key = text(&app.admin().post(&path, reader).await.created()["apiKey"]);
        // These are more than any quota but the unlimited one.
        for number in 0..30 {
            let mut body = body(&tenant, "1.0.0", &order());
            body["name"] = format!("event-{number}").into();
            tenant.with_key(&key).post(DRY_RUN, body).await.ok();
        }
        tenant.with_key(&key).post(EVENTS, body(&tenant, "1.0.0", &order())).await.refused(403, "FORBIDDEN");
        assert_eq!(tenant.get(&format!("{EVENTS}/health")).await.ok()["registrations"]["used"], 0, "{plan}");
    }
    app.stop().await;
}
